package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
)

// recorder keeps everything that passes a connection.
type recorder struct {
	net.Conn
	mu  *sync.Mutex
	all *bytes.Buffer
}

func (r recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.keep(p[:n])
	return n, err
}

func (r recorder) Write(p []byte) (int, error) {
	r.keep(p)
	return r.Conn.Write(p)
}

func (r recorder) keep(p []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.Write(p)
}

// recordingListener keeps everything that passes its connections.
type recordingListener struct {
	net.Listener
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *recordingListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return recorder{nc, &l.mu, &l.all}, nil
}

func (l *recordingListener) captured() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// webServer serves WebSockets and says which paths were asked for.
func webServer(t *testing.T, o AcceptOptions, secure bool) (*httptest.Server, chainname.URL, *recordingListener, chan string) {
	t.Helper()
	paths := make(chan string, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths <- r.URL.Path
		nc, err := Upgrade(w, r)
		if err != nil {
			return
		}
		serve(nc, o)
	}))
	listener := &recordingListener{Listener: server.Listener}
	server.Listener = listener
	u := chainname.URL{Scheme: "ws", Name: testName}
	if secure {
		server.StartTLS()
		u.Scheme = "wss"
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	u.Host = server.Listener.Addr().String()
	return server, u, listener, paths
}

// Attack: somebody records an encrypted session. What he has holds neither the
// chain's name, nor the payload, nor anything of who the server is. In clear
// text he has it all, which shows that the test would see it.
func TestCaptureHoldsNoSecret(t *testing.T) {
	id := newIdentity(t)
	public := id.Public()
	fingerprint := public.Fingerprint()
	secrets := map[string]string{
		"the chain's name":    testName,
		"a part of the name":  "dossier",
		"the payload":         testPayload,
		"the X-Wing key":      string(public.XWing[:64]),
		"the MLKEM1024 key":   string(public.MLKEM1024P384[:64]),
		"the signing key":     string(public.Signing[:64]),
		"the fingerprint":     string(fingerprint[:]),
		"the fingerprint (b)": fingerprint.String(),
	}
	for _, level := range []int{128, 256} {
		_, u, capture, paths := webServer(t, AcceptOptions{Encryption: level, Identity: id}, false)
		if _, err := visit(u, DialOptions{Offer: true}); err != nil {
			t.Fatal(err)
		}
		if path := <-paths; path != "/db/" {
			t.Errorf("the path is %s", path)
		}
		for what, secret := range secrets {
			if strings.Contains(capture.captured(), secret) {
				t.Errorf("%d bit: the capture holds %s", level, what)
			}
		}
	}
	_, u, capture, paths := webServer(t, AcceptOptions{Identity: id}, false)
	if _, err := visit(u, DialOptions{}); err != nil {
		t.Fatal(err)
	}
	if path := <-paths; path != "/db/"+testName {
		t.Errorf("the path is %s", path)
	}
	// What the client sends is masked; the request and what the server sends is not.
	for _, secret := range []string{testName, testPayload, string(public.XWing[:64])} {
		if !strings.Contains(capture.captured(), secret) {
			t.Errorf("clear text: the capture lacks %.20q", secret)
		}
	}
}

// wss:// is TLS around either kind of connection; a certificate that nobody
// vouches for is refused.
func TestTLS(t *testing.T) {
	for _, level := range []int{0, 128} {
		server, u, _, _ := webServer(t, AcceptOptions{Encryption: level, Identity: newIdentity(t)}, true)
		trusted := server.Client().Transport.(*http.Transport).TLSClientConfig
		got, err := visit(u, DialOptions{Offer: true, TLS: &tls.Config{RootCAs: trusted.RootCAs}})
		if err != nil || got.Server.Encryption != level {
			t.Errorf("%d bit: %+v, %v", level, got.Server.Encryption, err)
		}
		if _, err := visit(u, DialOptions{Offer: true}); !fault.Is(err, fault.UnknownServer) {
			t.Errorf("an unknown certificate: %v", err)
		}
	}
}

// What the client sends right behind the handshake, in one piece with it, is
// not lost: the server reads no further than each message.
func TestOpenRightBehindTheHandshake(t *testing.T) {
	id := newIdentity(t)
	var held []byte
	m := meet(t, DialOptions{MinEncryption: 128}, AcceptOptions{Identity: id, Deadline: time.Now().Add(5 * time.Second)}, func(toServer bool, b []byte) []byte {
		switch {
		case toServer && len(b) == pqnoise.Level128.Message3Size():
			held = b
			return nil
		case toServer && held != nil:
			return append(held, b...)
		}
		return b
	})
	if m.client != nil || m.server.opened.GetName() != testName || held == nil {
		t.Errorf("client %v, server %v", m.client, m.server.err)
	}
}

// TestHostWithoutAddress: a host that DNS does not know is no chain that is not
// there, over either transport.
func TestHostWithoutAddress(t *testing.T) {
	o := DialOptions{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, fault.New(fault.NotFound, "x.test has no address in DNS")
	}}
	for _, scheme := range []string{"ws", "wss", "tcp"} {
		_, _, err := DialPath(t.Context(), scheme, "x.test:5000", "/db/example.com/joe/db", o)
		if !fault.Is(err, fault.Unavailable) || fault.From(err).Reason != "connecting to x.test:5000: x.test has no address in DNS" {
			t.Errorf("over %s: %v", scheme, err)
		}
	}
}
