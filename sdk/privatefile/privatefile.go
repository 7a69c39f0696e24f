// Package privatefile writes files for their owner alone: of mode 0600, whole and
// durable or not at all, whatever the umask and whenever the process ends.
//
// A file is written beside its place, under a name of the form .NAME-*.tmp, which
// may be removed when nothing writes there. Errors are those of the file system.
package privatefile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

const mode = 0o600

// Create writes a new file. If there is one of the name, that stays as it is,
// and the error is an fs.ErrExist; of several that create one at once, one does.
func Create(path string, data []byte) error {
	return write(path, data, os.Link) // unlike a rename, it takes no other file's place
}

// Replace writes a file, in the place of one that may be there.
func Replace(path string, data []byte) error { return write(path, data, os.Rename) }

// write writes a file beside its place and has it put there.
func write(path string, data []byte, place func(from, to string) error) error {
	folder := filepath.Dir(path)
	file, err := os.CreateTemp(folder, "."+filepath.Base(path)+"-*.tmp") // with O_EXCL
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // what a rename has moved away is not there any more
	err = file.Chmod(mode)
	if err == nil {
		_, err = file.Write(data)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := place(file.Name(), path); err != nil {
		return err
	}
	return SyncFolder(folder)
}

// SyncFolder makes durable which files are in a folder, where a system lets a
// program do that.
func SyncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
