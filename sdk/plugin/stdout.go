package plugin

import (
	"bufio"
	"bytes"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// guardStdout keeps what the program prints out of the handshake, which is the
// first line that the host reads from standard output. File descriptor 1
// becomes standard error for whoever has it already; os.Stdout becomes a pipe
// of which the handshake line alone is passed on, until go-plugin puts a pipe
// of its own in its place.
func guardStdout() error {
	host, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return err
	}
	if err := unix.Dup2(2, 1); err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	stderr := os.Stderr
	os.Stdout = w
	go passHandshake(r, os.NewFile(uintptr(host), "handshake"), stderr)
	return nil
}

// passHandshake copies the first line that looks like go-plugin's handshake to
// host, and all others to rest.
func passHandshake(r io.Reader, host io.WriteCloser, rest io.Writer) {
	lines := bufio.NewReader(r)
	for passed := false; ; {
		line, err := lines.ReadBytes('\n')
		to := rest
		if !passed && isHandshake(line) {
			to, passed = host, true
		}
		// Nobody is left to tell of an error here.
		_, _ = to.Write(line)
		if err != nil {
			return
		}
	}
}

// isHandshake reports whether line has go-plugin's form:
// core version | protocol version | network | address | grpc | certificate.
func isHandshake(line []byte) bool {
	fields := bytes.Split(line, []byte("|"))
	return len(fields) >= 5 && string(fields[0]) == "1" && string(bytes.TrimSpace(fields[4])) == "grpc"
}
