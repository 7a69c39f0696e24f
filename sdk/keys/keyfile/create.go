package keyfile

import (
	"errors"
	"io/fs"
	"os"

	"github.com/atedb/atedb/sdk/fault"
)

// Create stores a file under its name. When it returns, the file is durable.
// Of several that create the same name at once, one does; for the others, and
// if the name is taken, it is a fault with code bad_request.
func (d Folder) Create(f *File) error {
	if err := os.MkdirAll(string(d), folderMode); err != nil {
		return fault.New(fault.BadConfig, "making the folder of keys: %w", err)
	}
	if err := d.checkFolder(); err != nil {
		return err
	}
	path := d.Path(f.Public.Name)
	if _, err := os.Lstat(path); err == nil {
		return taken(f, path)
	}
	temporary, err := d.writeTemporary(f)
	if err != nil {
		return fault.New(fault.BadConfig, "writing a key: %w", err)
	}
	err = os.Link(temporary, path) // unlike a rename, it takes no other file's place
	if removed := os.Remove(temporary); err == nil {
		err = removed
	}
	if errors.Is(err, fs.ErrExist) {
		return taken(f, path)
	}
	if err == nil {
		err = syncFolder(string(d))
	}
	if err != nil {
		return fault.New(fault.BadConfig, "writing a key: %w", err)
	}
	return nil
}

func taken(f *File, path string) error {
	return fault.New(fault.BadRequest, "there is a key %q already, in %s; choose another name", f.Public.Name, path)
}

// writeTemporary writes a durable file beside its place, and returns its path.
func (d Folder) writeTemporary(f *File) (path string, err error) {
	file, err := os.CreateTemp(string(d), "."+f.Public.Name+"-*.tmp") // with O_EXCL and mode 0600
	if err != nil {
		return "", err
	}
	err = file.Chmod(fileMode) // whatever the umask
	if err == nil {
		_, err = file.Write(f.Encode())
	}
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return "", err
	}
	return file.Name(), nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}
