package transport

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/certificate/certificatetest"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire"
)

// serve starts a listener whose handler says "chain NAME" and what it received
// up to a line's end.
func serve(t *testing.T, offered *tls.Config, most int) *Listener {
	t.Helper()
	l, err := Listen(Config{
		Path:    ChainPath,
		Address: "127.0.0.1:0", MaxConnections: most, MaxPerAddress: most, TLS: offered, Logger: hclog.NewNullLogger(),
		Handler: func(nc net.Conn, name string) {
			defer nc.Close()
			line, _ := bufio.NewReader(nc).ReadString('\n')
			io.WriteString(nc, "chain "+name+" "+line)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.Serve() }()
	t.Cleanup(func() {
		l.Close()
		if err := <-served; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return l
}

func certified(t *testing.T) *tls.Config {
	t.Helper()
	folder := t.TempDir()
	if err := certificatetest.Write(folder); err != nil {
		t.Fatal(err)
	}
	loaded, err := tls.LoadX509KeyPair(filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{loaded}}
}

// say opens a connection, sends some bytes and returns what comes back.
func say(t *testing.T, l *Listener, encrypted bool, text string) string {
	t.Helper()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	if encrypted {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true}) // the test's own certificate
	}
	if _, err := io.WriteString(nc, text); err != nil {
		return err.Error()
	}
	answer, err := io.ReadAll(nc)
	if err != nil && len(answer) == 0 {
		return err.Error()
	}
	return string(answer)
}

const upgrade = " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: atedb.v1\r\n\r\n"

// TestProtocolsOnOnePort tells the protocols apart by their first bytes, inside
// TLS as without.
func TestProtocolsOnOnePort(t *testing.T) {
	plain, both := serve(t, nil, 100), serve(t, certified(t), 100)
	hello := "\x82\x86\x00\x00\x00\x00hello\n" // a masked binary frame
	for _, test := range []struct{ what, text, want string }{
		{"raw", wire.Preface + "hello\n", "chain  hello\n"},
		{"WebSocket", "GET /db/example.com/joe/db" + upgrade + hello, "chain example.com/joe/db hello"},
		{"WebSocket without a name", "GET /db/" + upgrade + hello, "chain  hello"},
		{"another path", "GET /x" + upgrade, "404"},
		{"a bad name", "GET /db/..%2f..%2fetc/passwd" + upgrade, "400"},
		{"HTTP", "GET /db/a/b HTTP/1.1\r\nHost: x\r\n\r\n", "426"},
		{"neither", "\x00\x01\x02\x03\x04\x05\x06\x07", "AteDB"},
	} {
		for listener, encrypted := range map[*Listener][]bool{plain: {false}, both: {false, true}} {
			for _, encrypted := range encrypted {
				if got := say(t, listener, encrypted, test.text); !strings.Contains(got, test.want) {
					t.Errorf("%s, encrypted: %v: %q; want %q", test.what, encrypted, got, test.want)
				}
			}
		}
	}
	if got := say(t, plain, true, wire.Preface); strings.Contains(got, "chain") {
		t.Errorf("TLS where none is offered: %q", got)
	}
}

// TestTLSInsideTLS refuses a second layer: each costs a handshake.
func TestTLSInsideTLS(t *testing.T) {
	l := serve(t, certified(t), 100)
	nc, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	if err := tls.Client(nc, &tls.Config{InsecureSkipVerify: true}).Handshake(); err == nil {
		t.Error("TLS inside TLS is accepted")
	}
}

// TestTooManyConnections closes those beyond the limit at once, and takes one
// again when another has gone.
func TestTooManyConnections(t *testing.T) {
	l := serve(t, nil, 1)
	first, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(first, wire.Preface)
	time.Sleep(50 * time.Millisecond) // until it is admitted
	if got := say(t, l, false, wire.Preface+"x\n"); strings.Contains(got, "chain") {
		t.Errorf("one too many is served: %q", got)
	}
	first.Close()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if strings.Contains(say(t, l, false, wire.Preface+"x\n"), "chain") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the place of one that has gone stays taken")
		}
	}
}

// TestOtherOriginsAreRefused: a page of another site must not reach the server
// by its visitor's browser.
func TestOtherOriginsAreRefused(t *testing.T) {
	l := serve(t, nil, 100)
	request := strings.NewReplacer("Host: x", "Host: "+l.Addr().String()+"\r\nOrigin: https://evil.example", "Connection: Upgrade", "Connection: Upgrade, close").Replace("GET /db/a/b" + upgrade)
	if got := say(t, l, false, request); !strings.Contains(got, http.StatusText(http.StatusForbidden)) {
		t.Errorf("another origin: %q", got)
	}
}

// TestListenSaysWhy names what is wrong with an address.
func TestListenSaysWhy(t *testing.T) {
	l := serve(t, nil, 1)
	for address, code := range map[string]fault.Code{l.Addr().String(): fault.Unavailable, "192.0.2.1:0": fault.BadConfig} {
		if _, err := Listen(Config{Address: address, Logger: hclog.NewNullLogger()}); !fault.Is(err, code) || !strings.Contains(err.Error(), strings.Split(address, ":")[0]) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestAddressFamilies listens on IPv4 alone where an IPv4 address says so, and on
// both where none does.
func TestAddressFamilies(t *testing.T) {
	for address, want := range map[string]string{"0.0.0.0:0": "0.0.0.0", "127.0.0.1:0": "127.0.0.1", "[::]:0": "::", ":0": "::"} {
		l, err := Listen(Config{Path: ChainPath, Address: address, Logger: hclog.NewNullLogger()})
		if err != nil {
			t.Fatal(err)
		}
		if got := l.Addr().(*net.TCPAddr).IP.String(); got != want {
			t.Errorf("%s listens on %s", address, got)
		}
		l.listener.Close()
	}
}

// TestBodyThatNeverComes: the attack is to hold a connection for ever by a request
// whose body is announced and not sent.
func TestBodyThatNeverComes(t *testing.T) {
	l, err := Listen(Config{Path: ChainPath, Address: "127.0.0.1:0", MaxConnections: 1, MaxPerAddress: 1, Logger: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	l.http.ReadTimeout /= 50
	go l.Serve()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
	nc.SetReadDeadline(time.Now().Add(5 * time.Second))
	if answer, err := io.ReadAll(nc); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 404") {
		t.Errorf("the connection says %q and ends with %v", answer, err)
	}
	l.Close()
}

// TestLogOfRefusals proves that who was refused stands in a log of JSON as in one
// of text.
func TestLogOfRefusals(t *testing.T) {
	var out bytes.Buffer
	log := hclog.New(&hclog.LoggerOptions{Output: &out, JSONFormat: true})
	l, err := Listen(Config{Path: ChainPath, Address: "127.0.0.1:0", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admitted, err := l.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	l.serve(admitted) // none may be open
	if want := `"from":"` + client.LocalAddr().String() + `"`; !strings.Contains(out.String(), want) {
		t.Errorf("the log says %s; want %s in it", &out, want)
	}
}

// TestWaitIsForHandlers has handlers go on for a while after they have closed their
// connections, and connections come until the listener is closed: when Wait returns,
// nothing runs any more.
func TestWaitIsForHandlers(t *testing.T) {
	for protocol, hello := range map[string]string{"raw": wire.Preface, "WebSocket": "GET /db/example.com/joe/db" + upgrade} {
		t.Run(protocol, func(t *testing.T) {
			var running, ran atomic.Int64
			l, err := Listen(Config{
				Path: ChainPath, Address: "127.0.0.1:0", MaxConnections: 100, MaxPerAddress: 100, Logger: hclog.NewNullLogger(),
				Handler: func(nc net.Conn, _ string) {
					running.Add(1)
					defer running.Add(-1)
					ran.Add(1)
					nc.Close()
					time.Sleep(50 * time.Millisecond)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- l.Serve() }()
			var clients sync.WaitGroup
			for range 4 {
				clients.Go(func() { connectUntilClosed(l, hello) })
			}
			for ran.Load() < 20 {
				time.Sleep(time.Millisecond)
			}
			l.Close()
			l.Wait()
			before, left := ran.Load(), running.Load()
			if err := <-served; err != nil {
				t.Error(err)
			}
			clients.Wait()
			if since := ran.Load() - before; left > 0 || since > 0 {
				t.Errorf("%d handlers were running still, and %d were called since", left, since)
			}
		})
	}
}

// connectUntilClosed opens one connection after the other, as long as they are
// accepted.
func connectUntilClosed(l *Listener, hello string) {
	for {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return
		}
		io.WriteString(nc, hello)
		io.Copy(io.Discard, nc)
		nc.Close()
	}
}
