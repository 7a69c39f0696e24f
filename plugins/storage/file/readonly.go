package file

import (
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atedb/atedb/sdk/fault"
)

// readOnly is a file system on which nothing can be changed: whoever looks at a
// folder cannot harm it by mistake.
type readOnly struct{ vfs.FS }

func (readOnly) refuse(path string) error {
	return fault.New(fault.Internal, "%s would be changed, though its folder is only looked at", path)
}

// Create implements [vfs.FS].
func (r readOnly) Create(path string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, r.refuse(path)
}

// Link implements [vfs.FS].
func (r readOnly) Link(_, path string) error { return r.refuse(path) }

// OpenReadWrite implements [vfs.FS].
func (r readOnly) OpenReadWrite(path string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, r.refuse(path)
}

// Remove implements [vfs.FS].
func (r readOnly) Remove(path string) error { return r.refuse(path) }

// RemoveAll implements [vfs.FS].
func (r readOnly) RemoveAll(path string) error { return r.refuse(path) }

// Rename implements [vfs.FS].
func (r readOnly) Rename(path, _ string) error { return r.refuse(path) }

// ReuseForWrite implements [vfs.FS].
func (r readOnly) ReuseForWrite(path, _ string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, r.refuse(path)
}

// MkdirAll implements [vfs.FS].
func (r readOnly) MkdirAll(path string, _ os.FileMode) error { return r.refuse(path) }

// Lock implements [vfs.FS].
func (r readOnly) Lock(path string) (io.Closer, error) { return nil, r.refuse(path) }
