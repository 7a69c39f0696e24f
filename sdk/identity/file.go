package identity

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/privatefile"
)

// FileName is the name of the identity's file in a server's state folder.
const FileName = "server.identity"

// LoadOrCreate returns the identity kept in a folder. If there is none, it
// makes the folder and a new identity, which is durable when it returns; of
// several that do so at once, all get the same. A file that others may read is
// refused.
func LoadOrCreate(folder string) (*Private, error) {
	path := filepath.Join(folder, FileName)
	p, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	if err := create(folder, path); err != nil {
		return nil, fault.New(fault.Unavailable, "making the server's identity in %s: %w", folder, err)
	}
	return load(path)
}

func load(path string) (*Private, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "reading the server's identity: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fault.New(fault.Unavailable, "reading the server's identity: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New(fault.BadConfig, "%s is not a file; move it away", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fault.New(fault.BadConfig, "%s has mode %#o, so that others may read the server's private keys; chmod 600 it, and if others did read it, move it away to become a new server", path, mode)
	}
	b, err := io.ReadAll(io.LimitReader(f, int64(fileSize)+1))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "reading the server's identity %s: %w", path, err)
	}
	return parseFile(path, b)
}

// create puts a new identity in place unless there is one by now. The file is
// whole and durable before it has its name.
func create(folder, path string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	err := privatefile.Create(path, encodeFile())
	if errors.Is(err, fs.ErrExist) {
		return privatefile.SyncFolder(folder)
	}
	return err
}
