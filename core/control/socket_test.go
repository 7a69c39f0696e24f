package control

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/fault"
)

// TestSocketModes lets nobody but the server's user connect, whatever the umask
// is and whatever the folder's mode was.
func TestSocketModes(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "server")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, socketName)
	s, err := Start(path, &fake{}, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{folder: 0o700 | fs.ModeDir, path: 0o600 | fs.ModeSocket, path + ".lock": 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	s.Close()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after Close the socket is there: %v", err)
	}
}

// TestStaleSocket replaces the socket of a server that died.
func TestStaleSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), socketName)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	if _, err := Connect(t.Context(), path); !fault.Is(err, fault.NotFound) {
		t.Errorf("connecting to a dead server: %v", err)
	}
	s, err := Start(path, &fake{}, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := connect(t, path).Inspect(t.Context(), "g/a"); err != nil {
		t.Error(err)
	}
}

// TestSocketInUse refuses the socket of a living server, which goes on, and lets
// the next one have it behind it.
func TestSocketInUse(t *testing.T) {
	c, path := start(t, &fake{})
	if _, err := Start(path, &fake{}, hclog.NewNullLogger()); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "another server uses the control socket") {
		t.Errorf("a second server: %v", err)
	}
	if _, err := c.Inspect(t.Context(), "g/a"); err != nil {
		t.Errorf("the first one: %v", err)
	}
}

// TestSocketsPlace leaves alone what stands in the socket's place and is none.
func TestSocketsPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), socketName)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(path, &fake{}, hclog.NewNullLogger()); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "move it away") {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("there is %q, %v", b, err)
	}
}

// TestSocketPath tables where the socket is. One whose path is too long for the
// system is in the runtime folder, and each folder has its own there.
func TestSocketPath(t *testing.T) {
	long := "/" + strings.Repeat("x", 95)
	for folder, want := range map[string]string{
		"/opt/ate/server":   "/opt/ate/server/control.sock",
		long[:90]:           long[:90] + "/control.sock",
		long[:91]:           "/run/atedb/control-4776c7e8950e444a.sock",
		long + "/y/../y":    SocketPath(long+"/y", "/run/atedb"),
		long + "/z/server/": SocketPath(long+"/z/server", "/run/atedb"),
	} {
		if got := SocketPath(folder, "/run/atedb"); got != want || len(got) > maxSocketPath {
			t.Errorf("%s: %s, want %s", folder, got, want)
		}
	}
	if SocketPath(long+"/a", "/run") == SocketPath(long+"/b", "/run") {
		t.Error("two folders have one socket")
	}
	if _, err := Start("/"+strings.Repeat("x", 200), &fake{}, hclog.NewNullLogger()); !fault.Is(err, fault.BadConfig) {
		t.Errorf("a path that is too long: %v", err)
	}
}
