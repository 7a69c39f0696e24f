package known

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/privatefile"
)

// Folder is the path of a folder that remembers. It is made when something is
// first written. Its methods may be called concurrently, by several programs
// too.
type Folder string

const (
	hostsFile = "known_hosts"
	headsDir  = "heads"
	namesDir  = "names"
	lockFile  = "lock"

	statementsDir = "statements"

	fileMode   = 0o600
	folderMode = 0o700

	// lockWait is how long a writer waits for others; each of them needs a
	// few milliseconds.
	lockWait = 10 * time.Second
)

// DefaultFolder returns the user's own folder, which need not exist yet:
// $ATE_HOME, or ate in the user's folder of configurations.
func DefaultFolder() (Folder, error) {
	if home := os.Getenv("ATE_HOME"); home != "" {
		return Folder(home), nil
	}
	config, err := os.UserConfigDir()
	if err != nil {
		return "", fault.New(fault.BadConfig, "finding the folder of known servers: %w; set ATE_HOME", err)
	}
	return Folder(filepath.Join(config, "ate")), nil
}

func (d Folder) path(parts ...string) string {
	return filepath.Join(append([]string{string(d)}, parts...)...)
}

// read returns a file's bytes, at most limit, and whether there is one.
func (d Folder) read(path string, limit int64) (raw []byte, ok bool, err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, ioError("opening", path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, false, ioError("looking at", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, false, fault.New(fault.BadConfig, "%s is not a file", path)
	}
	if err := checkMode(path, info); err != nil {
		return nil, false, err
	}
	if err := d.checkFolders(path); err != nil {
		return nil, false, err
	}
	raw, err = io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, false, ioError("reading", path, err)
	}
	if int64(len(raw)) > limit {
		return nil, false, fault.New(fault.Damaged, "%s has more than %d bytes", path, limit)
	}
	return raw, true, nil
}

// checkFolders checks the folder that a file is in, and d.
func (d Folder) checkFolders(path string) error {
	for _, dir := range []string{filepath.Dir(path), string(d)} {
		info, err := os.Stat(dir)
		if err != nil {
			return ioError("looking at", dir, err)
		}
		if err := checkMode(dir, info); err != nil {
			return err
		}
	}
	return nil
}

func checkMode(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&othersMay != 0 {
		return fault.New(fault.BadConfig, "%s has mode %04o, so others can change what is known; if nobody has, protect it with: chmod go-w %s", path, mode, path)
	}
	return nil
}

// write replaces a file by one with these bytes, durably. The caller holds the
// lock.
func (d Folder) write(path string, raw []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return ioError("making the folder of", path, err)
	}
	if err := d.checkFolders(path); err != nil {
		return err
	}
	if err := privatefile.Replace(path, raw); err != nil {
		return ioError("writing", path, err)
	}
	return nil
}

// lock waits until no other writer has the folder, which it makes. The returned
// function gives it back, as does the end of the process.
func (d Folder) lock() (unlock func(), err error) {
	path := d.path(lockFile)
	if err := os.MkdirAll(string(d), folderMode); err != nil {
		return nil, ioError("making the folder of", path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, ioError("opening", path, err)
	}
	for deadline := time.Now().Add(lockWait); ; time.Sleep(2 * time.Millisecond) {
		locked, err := tryLock(file)
		if locked {
			return func() { file.Close() }, nil
		}
		if err == nil && time.Now().After(deadline) {
			err = errors.New("another program has it locked")
		}
		if err != nil {
			file.Close()
			return nil, ioError("locking", path, err)
		}
	}
}

func ioError(doing, path string, err error) error {
	return fault.New(fault.Unavailable, "%s %s, where known servers and chains are kept: %w", doing, path, err)
}
