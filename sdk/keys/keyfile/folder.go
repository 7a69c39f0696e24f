package keyfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

const (
	suffix     = ".key"
	fileMode   = 0o600
	folderMode = 0o700
	others     = 0o077 // the mode's bits of the group and of others
	othersMay  = 0o022 // of them, those to write
)

// Folder is the path of a folder with key files. Programs may use it at once.
type Folder string

// DefaultFolder returns the user's own folder, which need not exist yet.
func DefaultFolder() (Folder, error) {
	if home := os.Getenv("ATE_HOME"); home != "" {
		return Folder(filepath.Join(home, "keys")), nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", fault.New(fault.BadConfig, "finding the folder of keys: %w; set ATE_HOME", err)
	}
	return Folder(filepath.Join(config, "ate", "keys")), nil
}

// Path returns where the key of a name is kept, which must be one that
// keys.CheckName allows.
func (d Folder) Path(name string) string { return filepath.Join(string(d), name+suffix) }

// Read returns the file of a name, checked and not yet opened. None of the
// name is a fault with code not_found.
func (d Folder) Read(name string) (*File, error) {
	if err := keys.CheckName(name); err != nil {
		return nil, err
	}
	raw, err := d.readRaw(name)
	if err != nil {
		return nil, err
	}
	f, err := Parse(raw)
	if err != nil {
		return nil, fault.New(fault.CodeOf(err), "reading %s: %s", d.Path(name), fault.From(err).Reason)
	}
	if f.Public.Name != name {
		return nil, fault.New(fault.BadConfig, "the file %s holds the key %q; call it %s%s again", d.Path(name), f.Public.Name, f.Public.Name, suffix)
	}
	return f, nil
}

func (d Folder) readRaw(name string) ([]byte, error) {
	path := d.Path(name)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "there is no key %q in %s; make one with: ate key new %s", name, d, name)
	}
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading a key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New(fault.BadConfig, "%s is not a file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading a key: %w", err)
	}
	defer file.Close()
	if err := d.checkModes(file); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(file, MaxSize+1))
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading a key: %w", err)
	}
	return raw, nil
}

// checkModes refuses an open file that is not the user's alone.
func (d Folder) checkModes(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return fault.New(fault.BadConfig, "reading a key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&others != 0 {
		return fault.New(fault.BadConfig, "the key file %s has mode %04o, so others can read or write it; if nobody has, protect it with: chmod 600 %s", file.Name(), mode, file.Name())
	}
	return d.checkFolder()
}

func (d Folder) checkFolder() error {
	info, err := os.Stat(string(d))
	if err != nil {
		return fault.New(fault.BadConfig, "looking at the folder of keys: %w", err)
	}
	if mode := info.Mode().Perm(); mode&othersMay != 0 {
		return fault.New(fault.BadConfig, "the folder of keys %s has mode %04o, so others can change what is in it; if nobody has, protect it with: chmod 700 %s", d, mode, d)
	}
	return nil
}

// Entry is a key file in a list.
type Entry struct {
	Name string
	File *File // nil if Err is not
	Err  error
}

// List returns all key files, sorted by name; none if there is no folder. One
// that cannot be read is listed with its error.
func (d Folder) List() ([]Entry, error) {
	found, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.BadConfig, "listing keys: %w", err)
	}
	var entries []Entry
	for _, e := range found {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok || keys.CheckName(name) != nil {
			continue
		}
		f, err := d.Read(name)
		entries = append(entries, Entry{Name: name, File: f, Err: err})
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}
