package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// atedb is a command line of atedb, to be run until ctx ends.
func atedb(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "atedb"), args...)
	cmd.Env = append(os.Environ(), "ATEDB_RUNTIME_DIR="+filepath.Join(bin, "run"))
	return cmd
}

// tryDaemon runs atedb until it ends, which it must do soon, and returns its
// exit status and what it wrote.
func tryDaemon(t *testing.T, args ...string) (status int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := atedb(ctx, args...)
	b, _ := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("atedb %v does not end; it wrote:\n%s", args, b)
	}
	return cmd.ProcessState.ExitCode(), string(b)
}

// TestDaemonSaysWhyItDoesNotStart looks for a clear sentence on each way to
// fail, and that a daemon already running goes on.
func TestDaemonSaysWhyItDoesNotStart(t *testing.T) {
	data := t.TempDir()
	d := startDaemon(t, data)
	host, port, _ := net.SplitHostPort(d.addr)
	aFile := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(aFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	config := func(settings string) string {
		path := filepath.Join(t.TempDir(), "atedb.hcl")
		if err := os.WriteFile(path, []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	solo := func(args ...string) []string {
		return append([]string{"--no-auth", "--no-wire-encryption", "solo", "-l", host}, args...)
	}
	for name, test := range map[string]struct {
		args []string
		says []string
	}{
		"port in use":        {solo("-p", port, t.TempDir()), []string{"another process listens on", port, "[unavailable]"}},
		"locked folder":      {solo("-p", "0", data), []string{data, "another process", "[unavailable]"}},
		"path not writable":  {solo("-p", "0", aFile+"/data"), []string{aFile}},
		"address of another": {[]string{"--no-auth", "--no-wire-encryption", "solo", "-l", "192.0.2.1", "-p", "0", t.TempDir()}, []string{"192.0.2.1", "not an address of this machine"}},
		"ending of others":   {[]string{"--config", config(`may_end_live = ["standard"]`), "--trust", "distributed", "solo", t.TempDir()}, []string{"may_end_live", "[bad_config]"}},
		"anchors":            {[]string{"--no-auth", "--config", config(`dns_anchors = "/etc/anchors"`), "solo", t.TempDir()}, []string{"dns_anchors", "dns_sec", "[bad_config]"}},
	} {
		status, output := tryDaemon(t, test.args...)
		if status != 1 {
			t.Errorf("%s: exit status %d", name, status)
		}
		for _, want := range test.says {
			if !strings.Contains(output, want) {
				t.Errorf("%s: does not say %q:\n%s", name, want, output)
			}
		}
	}
	put(t, d, "example.com/joe/alive", "k", "v")
	d.stop()
}

func put(t *testing.T, d *daemon, name, key, value string) {
	t.Helper()
	c, err := client.Dial(testContext(t), d.url(name), client.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Commit(testContext(t), client.Event{Header: event.Header{Key: []byte(key)}, Data: []byte(value)}); err != nil {
		t.Fatal(err)
	}
}

// dialRaw opens a plain TCP connection.
func dialRaw(t *testing.T, d *daemon) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", d.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	return nc
}

// TestHostileBytes sends what no client sends. Each connection gets what it
// deserves, and a client beside them is not disturbed.
func TestHostileBytes(t *testing.T) {
	d := startDaemon(t, t.TempDir())
	ctx := testContext(t)
	bystander, err := client.Dial(ctx, d.url("example.com/joe/bystander"), client.Options{Create: true, OnState: func(s client.State) {
		if !s.Connected {
			t.Errorf("the bystander lost its connection: %v", s.Err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer bystander.Close()

	hello := clearHello()
	open := func(name string) []byte { return message(wire.Open, &wirepb.Open{Name: name, Create: true}) }
	overLimit := append(binary.LittleEndian.AppendUint32(nil, wire.MaxMessage+1), byte(wire.Commit))
	for name, test := range map[string]struct {
		send []byte
		code fault.Code // of the Bye
	}{
		"open first":         {open("a/b"), fault.BadMessage},
		"future version":     {message(wire.ClientHello, &wirepb.ClientHello{}), fault.Unsupported},
		"no nonce":           {message(wire.ClientHello, &wirepb.ClientHello{Version: 1}), fault.BadMessage},
		"no key share":       {message(wire.ClientHello, &wirepb.ClientHello{Version: 1, Nonce: make([]byte, 32), Encryption: 128}), fault.BadMessage},
		"share of no key":    {message(wire.ClientHello, &wirepb.ClientHello{Version: 1, Nonce: make([]byte, 32), Encryption: 128, Offer: 128, KeyShare: make([]byte, 1216)}), fault.BadMessage},
		"short share":        {message(wire.ClientHello, &wirepb.ClientHello{Version: 1, Nonce: make([]byte, 32), Encryption: 128, Offer: 128, KeyShare: make([]byte, 32)}), fault.BadMessage},
		"third message":      {append(encryptedHello(t), bytes.Repeat([]byte{7}, 4000)...), fault.BadMessage},
		"hello over limit":   {append(binary.LittleEndian.AppendUint32(nil, wire.MaxHello+1), 1), fault.TooLarge},
		"hello not protobuf": {[]byte{3, 0, 0, 0, 1, 0xff, 0xff}, fault.BadMessage},
		"bad name":           {append(hello, open("../../etc/passwd")...), fault.BadName},
		"capitals":           {append(hello, open("Example.com/joe/x")...), fault.BadName},
		"no such chain":      {append(hello, message(wire.Open, &wirepb.Open{Name: "example.com/joe/none"})...), fault.NotFound},
		"frame over limit":   {append(append(hello, open("a/b")...), overLimit...), fault.TooLarge},
		"unknown message":    {append(append(hello, open("a/b")...), 1, 0, 0, 0, 77), fault.BadMessage},
		"garbage after open": {append(append(hello, open("a/b")...), bytes.Repeat([]byte{0xff}, 100)...), fault.TooLarge},
	} {
		nc := dialRaw(t, d)
		nc.Write([]byte(wire.Preface))
		nc.Write(test.send)
		if bye := awaitBye(t, name, nc); bye.Code != string(test.code) || bye.Reason == "" {
			t.Errorf("%s: %s: %s; want %s", name, bye.Code, bye.Reason, test.code)
		}
	}

	for name, send := range map[string]string{
		"garbage": "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09", "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "SSH": "SSH-2.0-OpenSSH_9.9\r\n",
	} {
		nc := dialRaw(t, d)
		io.WriteString(nc, send)
		if answer, _ := io.ReadAll(nc); !strings.Contains(string(answer), "AteDB") {
			t.Errorf("%s is answered with %q", name, answer)
		}
	}

	for path, want := range map[string]int{
		"/": http.StatusNotFound, "/db/example.com/joe/mydb": http.StatusUpgradeRequired, "/db/../etc/passwd": http.StatusBadRequest,
	} {
		resp, err := http.Get("http://" + d.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("GET %s: %s", path, resp.Status)
		}
	}

	if _, err := bystander.Commit(ctx, client.Event{Header: event.Header{Key: []byte("k")}}); err != nil {
		t.Errorf("the bystander: %v", err)
	}
}

// TestHalfAHandshakeIsCutOff leaves connections standing at every stage before
// the chain is open.
func TestHalfAHandshakeIsCutOff(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, t.TempDir())
	hello := clearHello()
	start := time.Now()
	conns := make(map[string]net.Conn)
	for name, send := range map[string]string{
		"nothing": "", "half a preface": "ATED", "preface": wire.Preface, "half a hello": wire.Preface + string(hello[:3]),
		"hello": wire.Preface + string(hello), "half a request": "GET /db/a/b HTTP/1.1\r\nHost: x\r\n",
	} {
		nc := dialRaw(t, d)
		io.WriteString(nc, send)
		conns[name] = nc
	}
	for name, nc := range conns {
		if _, err := io.ReadAll(nc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if elapsed := time.Since(start); elapsed > 3*wire.HelloTimeout {
		t.Errorf("they were cut off after %s", elapsed)
	}
}

// clearHello is the hello of a client that does not encrypt.
func clearHello() []byte {
	return message(wire.ClientHello, &wirepb.ClientHello{Version: wire.Version, Nonce: make([]byte, 32)})
}

// encryptedHello is the hello of a client that demands encryption.
func encryptedHello(t *testing.T) []byte {
	t.Helper()
	share, err := pqnoise.Level(128).KEM().GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return message(wire.ClientHello, &wirepb.ClientHello{
		Version: wire.Version, Nonce: make([]byte, 32), Encryption: 128, Offer: 128, KeyShare: share.Public(),
	})
}

func message(t wire.Type, m stream.Message) []byte {
	b := make([]byte, m.SizeVT())
	if _, err := m.MarshalToSizedBufferVT(b); err != nil {
		panic(err)
	}
	head := append(binary.LittleEndian.AppendUint32(nil, uint32(1+len(b))), byte(t))
	return append(head, b...)
}

// awaitBye receives until Bye comes.
func awaitBye(t *testing.T, name string, nc net.Conn) *wirepb.Bye {
	t.Helper()
	c := stream.NewConn(nc, wire.MaxMessage)
	bye := new(wirepb.Bye)
	for {
		typ, payload, err := c.Receive()
		if err != nil {
			t.Errorf("%s: the connection ends without Bye: %v", name, err)
			return bye
		}
		if typ == wire.Bye {
			if err := stream.Unmarshal(typ, payload, bye); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return bye
		}
	}
}

// TestDamagedSegmentIsNamed flips one bit of a stored chain: that chain's error
// names the file, and another chain is not affected.
func TestDamagedSegmentIsNamed(t *testing.T) {
	data := t.TempDir()
	d := startDaemon(t, data)
	put(t, d, "example.com/joe/bad", "k", strings.Repeat("value", 100))
	put(t, d, "example.com/joe/good", "k", "v")
	d.stop()
	var segment string
	filepath.Walk(filepath.Join(data, "db/example.com/joe/bad"), func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() && info.Size() > 500 {
			segment = path
		}
		return nil
	})
	b, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte("valuevalue"))
	b[at] ^= 1
	if err := os.WriteFile(segment, b, 0o600); err != nil {
		t.Fatal(err)
	}
	d.restart()
	_, err = client.Dial(testContext(t), d.url("example.com/joe/bad"), client.Options{})
	if !fault.Is(err, fault.Damaged) || !strings.Contains(err.Error(), filepath.Base(segment)) {
		t.Errorf("opening the damaged chain: %v", err)
	}
	put(t, d, "example.com/joe/good", "k", "v2")
	d.stop()
}
