//go:build !windows

package known

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// othersMay is the bits of a mode that let others write.
const othersMay = 0o022

func tryLock(file *os.File) (bool, error) {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	return err == nil, err
}
