package pluginhost

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/atedb/atedb/sdk/fault"
)

const (
	// maxRuntimeDir keeps the sockets' paths below the system's limit, which
	// is 104 bytes where it is shortest.
	maxRuntimeDir = 50
	hostPrefix    = "h" // begins the name of each host's folder
	lockFile      = "lock"
)

// runtimeDir is one host's folder for sockets, inside one that hosts of the
// same user share. Whoever holds the lock of its lock file owns it.
type runtimeDir struct {
	path string
	lock *os.File
}

// claimRuntimeDir makes a folder for a host inside base, and removes those of
// hosts that are dead.
func claimRuntimeDir(base string) (*runtimeDir, error) {
	if base == "" {
		base = defaultRuntimeDir()
	}
	if len(base) > maxRuntimeDir {
		return nil, fault.New(fault.BadConfig, "the runtime folder %q has a name of %d bytes; at most %d fit into a socket's address", base, len(base), maxRuntimeDir)
	}
	dir, err := claimIn(base)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "preparing the runtime folder %q for the plugins' sockets: %w; set runtime_dir to a folder of your own", base, err)
	}
	return dir, nil
}

func defaultRuntimeDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && len(dir) < maxRuntimeDir-len("/atedb") {
		return filepath.Join(dir, "atedb")
	}
	return filepath.Join(os.TempDir(), "atedb-"+strconv.Itoa(os.Getuid()))
}

func claimIn(base string) (*runtimeDir, error) {
	if err := makePrivate(base); err != nil {
		return nil, err
	}
	// Held while folders come and go, so that none is swept before its owner
	// has locked it.
	all, err := lockIn(base, syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer all.Close()
	if err := sweep(base); err != nil {
		return nil, err
	}
	path, err := os.MkdirTemp(base, hostPrefix)
	if err != nil {
		return nil, err
	}
	lock, err := lockIn(path, syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	return &runtimeDir{path: path, lock: lock}, nil
}

// makePrivate makes a folder that only this user may enter, or sees to it that
// the one that is there is such.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || ok && int(stat.Uid) != os.Getuid() {
		return errors.New("it is not a folder of this user")
	}
	return os.Chmod(dir, 0o700)
}

func lockIn(dir string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// sweep removes the folders that nobody has locked.
func sweep(base string) error {
	entries, err := os.ReadDir(base)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), hostPrefix) {
			continue
		}
		path := filepath.Join(base, e.Name())
		lock, err := lockIn(path, syscall.LOCK_EX|syscall.LOCK_NB)
		if err != nil {
			continue // its owner lives
		}
		err = os.RemoveAll(path)
		lock.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *runtimeDir) release() error {
	defer d.lock.Close()
	return os.RemoveAll(d.path)
}
