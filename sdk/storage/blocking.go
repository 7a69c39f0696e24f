package storage

import (
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atedb/atedb/sdk/stream"
)

// blockingConn is a data socket whose reads wait in the kernel instead of in
// Go's poller. A thread waits with each, and a request is in the hands of the
// goroutine that serves it one switch and four system calls earlier. It is for
// the server, which has few connections.
//
// Deadlines do not work; a write fails after [stream.WriteTimeout] without
// progress.
type blockingConn struct {
	*os.File
	local, remote net.Addr
}

// newBlockingConn takes nc over.
func newBlockingConn(nc *net.UnixConn) (*blockingConn, error) {
	defer nc.Close()
	raw, err := nc.SyscallConn()
	if err != nil {
		return nil, err
	}
	// A descriptor of its own, because the poller knows the one of nc.
	var fd int
	var dupErr error
	err = raw.Control(func(of uintptr) {
		fd, dupErr = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err == nil {
		err = dupErr
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	timeout := unix.NsecToTimeval(stream.WriteTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("setsockopt", err)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return &blockingConn{os.NewFile(uintptr(fd), "data socket"), nc.LocalAddr(), nc.RemoteAddr()}, nil
}

// Close implements net.Conn. It makes a Read or Write under way return.
func (c *blockingConn) Close() error {
	if raw, err := c.SyscallConn(); err == nil {
		// The peer may have shut it down already.
		_ = raw.Control(func(fd uintptr) { _ = unix.Shutdown(int(fd), unix.SHUT_RDWR) })
	}
	return c.File.Close()
}

// SetWriteDeadline implements net.Conn in name only: see the type.
func (c *blockingConn) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr implements net.Conn.
func (c *blockingConn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *blockingConn) RemoteAddr() net.Addr { return c.remote }
