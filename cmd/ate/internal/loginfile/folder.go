package loginfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/privatefile"
)

const (
	fileMode   = 0o600
	folderMode = 0o700
	others     = 0o077 // the mode's bits of the group and of others
)

// Folder is the path of the folder that the file is in.
type Folder string

// DefaultFolder returns the user's own: see [known.DefaultFolder].
func DefaultFolder() (Folder, error) {
	folder, err := known.DefaultFolder()
	return Folder(folder), err
}

// Path returns the path of the file.
func (d Folder) Path() string { return filepath.Join(string(d), "login") }

// Read returns the login, nil if there is none. A file that cannot be read, or
// that others can, is a fault that names it.
func (d Folder) Read() (*Login, error) {
	path := d.Path()
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading the login: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, fault.New(fault.BadConfig, "reading the login: %w", err)
	case !info.Mode().IsRegular():
		return nil, fault.New(fault.BadConfig, "%s is not a file; remove it", path)
	case info.Mode()&others != 0:
		return nil, fault.New(fault.BadConfig, "%s holds a login and has mode %04o, so others can use it; run: chmod 600 %s, and log out if they may have", path, info.Mode().Perm(), path)
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading the login: %w", err)
	}
	defer clear(raw)
	l, err := Parse(raw)
	if err != nil {
		return nil, fault.New(fault.CodeOf(err), "the login in %s cannot be used: %w; remove it, or log in again", path, err)
	}
	return l, nil
}

// Write puts a login in the place of any other, whole and durable.
func (d Folder) Write(l *Login) error {
	raw := l.Encode()
	defer clear(raw)
	err := os.MkdirAll(string(d), folderMode)
	if err == nil {
		err = privatefile.Replace(d.Path(), raw)
	}
	if err != nil {
		return fault.New(fault.BadConfig, "writing the login: %w", err)
	}
	return nil
}

// Remove removes the login. None is no error.
func (d Folder) Remove() error {
	err := os.Remove(d.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.New(fault.BadConfig, "removing the login: %w", err)
	}
	return nil
}
