package keyfile

import (
	"errors"
	"io/fs"
	"os"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/privatefile"
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
	err := privatefile.Create(path, f.Encode())
	if errors.Is(err, fs.ErrExist) {
		return taken(f, path)
	}
	if err != nil {
		return fault.New(fault.BadConfig, "writing a key: %w", err)
	}
	return nil
}

func taken(f *File, path string) error {
	return fault.New(fault.BadRequest, "there is a key %q already, in %s; choose another name", f.Public.Name, path)
}
