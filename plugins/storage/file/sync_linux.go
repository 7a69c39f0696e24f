package file

import (
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// canSyncAll reports whether syncAll is there: not on a file system of tests.
func (c *files) canSyncAll() bool { return c.root.Fd() != vfs.InvalidFd }

// syncAll syncs the file system on which the store lies. With very many dirty
// files this takes one commit where they would take one each. Since Linux 5.8
// it fails if any write failed since root was opened, also of a file that has
// been closed.
func (c *files) syncAll() error {
	if err := c.disk.failure(); err != nil {
		return err
	}
	if err := unix.Syncfs(int(c.root.Fd())); err != nil {
		return c.disk.fail(err, "syncing the file system")
	}
	return nil
}

// openLimit returns how many files may be kept open: most of those that the
// process may have, since it needs few for anything else.
func openLimit() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return minOpenFiles
	}
	return int(max(minOpenFiles, min(limit.Cur/4*3, maxOpenFiles)))
}
