package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"github.com/atedb/atedb/sdk/fault"
)

// socketName is the name of the socket in the server's own folder.
const socketName = "control.sock"

// SocketPath returns the path of the socket of a server whose own folder and
// runtime folder these are, absolute both. It is control.sock in the former.
// Where that has more than 103 bytes, it is control-<the first 16 hexadecimal
// digits of the SHA-256 of the former's path>.sock in the runtime folder.
func SocketPath(folder, runtimeDir string) string {
	path := filepath.Join(folder, socketName)
	if len(path) <= maxSocketPath {
		return path
	}
	sum := sha256.Sum256([]byte(filepath.Clean(folder)))
	return filepath.Join(runtimeDir, "control-"+hex.EncodeToString(sum[:8])+".sock")
}

// socket is a server's socket, with the lock that makes it this server's.
type socket struct {
	*net.UnixListener
	lock *os.File
}

// listen makes the socket. One that a dead server left is replaced; if a living
// one uses it, that is an unavailable fault.
func listen(path string) (*socket, error) {
	if len(path) > maxSocketPath {
		return nil, fault.New(fault.BadConfig, "the path of the control socket, %s, has %d bytes; at most %d are possible: set runtime_dir to a folder with a shorter path", path, len(path), maxSocketPath)
	}
	lock, err := claim(path)
	if err != nil {
		return nil, err
	}
	l, err := bind(path)
	if err != nil {
		lock.Close()
		return nil, fault.New(fault.Unavailable, "making the control socket %s: %w", path, err)
	}
	return &socket{l, lock}, nil
}

// claim locks the socket's lock file, in a folder that it makes private.
func claim(path string) (*os.File, error) {
	folder := filepath.Dir(path)
	err := os.MkdirAll(folder, 0o700)
	if err == nil {
		err = os.Chmod(folder, 0o700)
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, "preparing the folder of the control socket: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "locking the control socket: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fault.New(fault.Unavailable, "another server uses the control socket %s, and so the same folder; stop it, or give this one another logs_path: %w", path, err)
	}
	return lock, nil
}

func bind(path string) (*net.UnixListener, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case info.Mode().Type() != fs.ModeSocket:
		return nil, errors.New("something else has that name; move it away")
	default:
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Close removes the socket. The lock file stays, for who removes it may remove
// that of the next server.
func (s *socket) Close() error {
	return errors.Join(s.UnixListener.Close(), s.lock.Close())
}
