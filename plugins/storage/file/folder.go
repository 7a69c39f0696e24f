package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// Folder is a store's folder that is looked at without a store: nothing in it is
// changed, also not to recover from a crash. What the journal holds and the
// chains' files do not is taken into account.
//
// [Folder.Open] and [Folder.List] are for a folder that nobody uses, which Hold
// ensures. [Folder.Dump] works on one in use as well.
type Folder struct {
	store *Store // of which only what reads is used
	id    uint64
	lock  *os.File // held; nil if it is not
}

// OpenFolder opens the folder of a store, which the caller closes. With fs ==
// nil it is on the operating system's file system. A folder without a store is
// a not_found fault, one of a later version a not_supported one.
func OpenFolder(path string, on vfs.FS) (*Folder, error) {
	s := New()
	s.options = Options{Path: path, FS: on}.withDefaults()
	s.disk = &disk{FS: readOnly{s.options.FS}}
	s.folders = &folders{disk: s.disk, root: path}
	format := s.disk.PathJoin(path, formatName)
	b, err := s.disk.read(format, formatSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, "there is no store of AteDB in %s: it has no file %s", path, formatName)
	case err != nil:
		return nil, ioFault(err, "reading "+format)
	}
	id, err := parseFormat(format, b)
	if err != nil {
		return nil, err
	}
	return &Folder{store: s, id: id}, nil
}

// FolderOf returns the folder that a plugin with this block in the configuration
// uses: dataDir, the daemon's, unless the block names another.
func FolderOf(block []byte, dataDir string) (string, error) {
	c, err := parseConfig(block)
	if err != nil || c.Path == "" {
		return dataDir, err
	}
	return c.Path, nil
}

// Hold keeps every store from using the folder until Close. If one uses it, that
// is an unavailable fault. Several who only look may hold it.
func (f *Folder) Hold() error {
	lock, err := os.Open(f.store.disk.PathJoin(f.store.options.Path, lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a copy, which no store has used yet
	}
	if err != nil {
		return ioFault(err, "locking folder "+f.store.options.Path)
	}
	for until := time.Now().Add(f.store.options.lockPatience); ; time.Sleep(lockPause) {
		err = unix.FcntlFlock(lock.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_RDLCK})
		if err == nil {
			f.lock = lock
			return nil
		}
		if time.Now().After(until) {
			lock.Close()
			return fault.New(fault.Unavailable, "folder %s is in use by another process: %w", f.store.options.Path, err)
		}
	}
}

// Close ends the use of the folder.
func (f *Folder) Close() error {
	if f.lock == nil {
		return nil
	}
	return f.lock.Close()
}

// List returns the names of the chains that come after the given name, in order,
// at most limit of them.
func (f *Folder) List(ctx context.Context, after chainname.Name, limit int) ([]chainname.Name, error) {
	var names []chainname.Name
	err := f.store.walk(ctx, func(name chainname.Name, _ string) error {
		if name > after {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names[:min(limit, len(names))], nil
}
