package storage

import (
	"bytes"
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// pair returns both ends of a data socket, the server's first.
func pair(t *testing.T) (*blockingConn, net.Conn) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := new(net.Dialer).DialContext(context.Background(), "unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	nc, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	server, err := newBlockingConn(nc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server, client
}

// TestBlockingConnCarriesBytes proves that what is sent arrives in both
// directions, also when it is more than the kernel holds at once.
func TestBlockingConnCarriesBytes(t *testing.T) {
	server, client := pair(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	for _, way := range []struct {
		name     string
		from, to net.Conn
	}{{"to the server", client, server}, {"to the client", server, client}} {
		wrote := make(chan error, 1)
		go func() {
			_, err := way.from.Write(sent)
			wrote <- err
		}()
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(way.to, got); err != nil {
			t.Fatalf("%s: %v", way.name, err)
		}
		if err := <-wrote; err != nil {
			t.Fatalf("%s: %v", way.name, err)
		}
		if !bytes.Equal(got, sent) {
			t.Fatalf("%s: other bytes arrived than were sent", way.name)
		}
	}
}

// TestBlockingConnCloseEndsWaiting proves that Close ends a Read, and a Write,
// that waits in the kernel, and that closing again does no harm. Otherwise a
// plugin would not end when it is told to.
func TestBlockingConnCloseEndsWaiting(t *testing.T) {
	for _, wait := range []struct {
		name string
		in   func(net.Conn) error
	}{
		{"read", func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err }},
		{"write", func(c net.Conn) error { _, err := c.Write(make([]byte, 64<<20)); return err }},
	} {
		server, _ := pair(t)
		ended := make(chan error, 1)
		go func() { ended <- wait.in(server) }()
		time.Sleep(20 * time.Millisecond) // most likely it waits by now
		server.Close()
		select {
		case err := <-ended:
			if err == nil {
				t.Errorf("a %s ended without an error though the connection was closed", wait.name)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("a %s goes on after Close", wait.name)
		}
		server.Close()
	}
}

// TestBlockingConnSeesPeerClose proves that a Read ends with io.EOF when the
// daemon is gone.
func TestBlockingConnSeesPeerClose(t *testing.T) {
	server, client := pair(t)
	client.Close()
	if _, err := server.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a read after the peer closed ends with %v, not io.EOF", err)
	}
}
