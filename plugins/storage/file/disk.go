package file

import (
	"io"
	"os"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"

	"github.com/atedb/atedb/sdk/fault"
)

// disk is the file system with the rule that a failed sync is final: what a
// file holds is then in doubt, and a second sync would say that all is well
// without having written anything. The same goes for putting a file in its place,
// which may fail after it was done: whoever then tidied up would remove what the
// new file names. After the first failure nothing is synced or renamed any more;
// only a new process can read back what is really there.
type disk struct {
	vfs.FS
	failed atomic.Pointer[fault.Error]
}

// failure returns why syncs are refused, or nil.
func (d *disk) failure() error {
	if f := d.failed.Load(); f != nil {
		return f
	}
	return nil
}

// fail refuses syncs from now on and returns why.
func (d *disk) fail(err error, doing string) error {
	d.failed.CompareAndSwap(nil, fault.New(fault.Unavailable,
		"%s failed, so what is stored is in doubt; writing stops until the storage plugin is started anew: %w", doing, err))
	return d.failure()
}

// sync makes a file's bytes durable.
func (d *disk) sync(f vfs.File, path string) error {
	if err := d.failure(); err != nil {
		return err
	}
	if err := f.SyncData(); err != nil {
		return d.fail(err, "syncing "+path)
	}
	return nil
}

// syncDir makes the entries of a folder durable.
func (d *disk) syncDir(path string) error {
	if err := d.failure(); err != nil {
		return err
	}
	dir, err := d.openDir(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return d.syncOpenDir(dir, path)
}

// openDir opens a folder to sync it.
func (d *disk) openDir(path string) (vfs.File, error) {
	dir, err := d.OpenDir(path)
	if err != nil {
		return nil, d.fail(err, "opening folder "+path+" to sync it")
	}
	return dir, nil
}

// syncOpenDir is syncDir for a folder that is open, and may have been removed.
func (d *disk) syncOpenDir(dir vfs.File, path string) error {
	if err := d.failure(); err != nil {
		return err
	}
	if err := dir.Sync(); err != nil {
		return d.fail(err, "syncing folder "+path)
	}
	return nil
}

// create makes an empty file that only this user may read.
func (d *disk) create(path string) (vfs.File, error) {
	f, err := d.Create(path, vfs.WriteCategoryUnspecified)
	if err == nil {
		err = private(f)
	}
	if err != nil {
		return nil, ioFault(err, "creating "+path)
	}
	return f, nil
}

// private takes a file's permissions from everybody but its owner.
func private(f vfs.File) error {
	if f.Fd() == vfs.InvalidFd {
		return nil
	}
	return os.NewSyscallError("fchmod", unix.Fchmod(int(f.Fd()), 0o600))
}

// write puts a whole file in its place, durably and atomically: there is the
// old one or the new one, never part of one.
func (d *disk) write(path string, data []byte) error {
	err := d.writeNew(path, data)
	if err != nil {
		d.Remove(path + newSuffix)
		return err
	}
	if err := d.Rename(path+newSuffix, path); err != nil {
		if !isFull(err) { // it may have been done all the same
			return d.fail(err, "renaming "+path+newSuffix)
		}
		d.Remove(path + newSuffix)
		return ioFault(err, "renaming "+path+newSuffix)
	}
	return d.syncDir(d.PathDir(path))
}

func (d *disk) writeNew(path string, data []byte) error {
	if err := d.failure(); err != nil {
		return err
	}
	f, err := d.create(path + newSuffix)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return ioFault(err, "writing "+path+newSuffix)
	}
	return d.sync(f, path+newSuffix)
}

// abandon removes a file that was made for a change that does not take place.
// After a failure it is left, for the change may have been carried out.
func (d *disk) abandon(path string) {
	if d.failure() == nil {
		d.Remove(path)
	}
}

// read returns the whole content of a file of at most limit bytes. The error
// is the file system's.
func (d *disk) read(path string, limit int64) ([]byte, error) {
	f, err := d.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fault.New(fault.Damaged, "%s is %d bytes long; at most %d are possible", path, info.Size(), limit)
	}
	data := make([]byte, info.Size())
	_, err = io.ReadFull(io.NewSectionReader(f, 0, info.Size()), data)
	return data, err
}
