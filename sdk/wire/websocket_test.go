package wire

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"

	"github.com/atedb/atedb/sdk/fault"
)

// echo serves WebSockets that send back what they receive.
func echo(t *testing.T) (host string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Upgrade(w, r)
		if err != nil {
			return
		}
		defer c.Close()
		io.Copy(c, c)
		c.(interface{ CloseWrite() error }).CloseWrite()
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// exchange sends bytes both ways at once and expects them back.
func exchange(t *testing.T, c io.ReadWriter, send []byte) {
	t.Helper()
	go func() {
		for rest := send; len(rest) > 0; {
			n := min(len(rest), 1+len(rest)/3)
			if _, err := c.Write(rest[:n]); err != nil {
				t.Error(err)
				return
			}
			rest = rest[n:]
		}
	}()
	got := make([]byte, len(send))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, send) {
		t.Fatal("what came back is not what was sent")
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestWebSocketBothSides(t *testing.T) {
	c, err := dialTransport(context.Background(), "ws", echo(t), "/db/group/db", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, n := range []int{1, 125, 126, 65535, 65536, 3 << 20} {
		exchange(t, c, randomBytes(n))
	}
	if err := c.(*webSocket).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after closing: %v, want io.EOF", err)
	}
	if _, err := c.Write([]byte("x")); err == nil {
		t.Error("writing after closing succeeds")
	}
}

// TestWebSocketServerAgainstAnotherImplementation has another library as the
// client, with pings and a closing handshake.
func TestWebSocketServerAgainstAnotherImplementation(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	peer, _, err := websocket.Dial(ctx, "ws://"+echo(t)+"/db/group/db", &websocket.DialOptions{Subprotocols: []string{Subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	if peer.Subprotocol() != Subprotocol {
		t.Errorf("subprotocol %q", peer.Subprotocol())
	}
	nc := websocket.NetConn(ctx, peer, websocket.MessageBinary)
	exchange(t, nc, randomBytes(1<<20))
	received := make(chan error, 1)
	go func() {
		_, err := nc.Read(make([]byte, 1))
		received <- err
	}()
	if err := peer.Ping(ctx); err != nil {
		t.Errorf("ping: %v", err)
	}
	if err := peer.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("close: %v", err)
	}
	<-received
}

// TestWebSocketClientAgainstAnotherImplementation has another library as the
// server.
func TestWebSocketClientAgainstAnotherImplementation(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{Subprotocol}})
		if err != nil {
			return
		}
		nc := websocket.NetConn(r.Context(), peer, websocket.MessageBinary)
		go peer.Ping(r.Context())
		io.Copy(nc, nc)
		nc.Close()
	}))
	defer server.Close()
	c, err := dialTransport(context.Background(), "ws", strings.TrimPrefix(server.URL, "http://"), "/db/group/db", DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	exchange(t, c, randomBytes(1<<20))
	c.(*webSocket).CloseWrite()
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("reading to the end: %v", err)
	}
}

func TestUpgradeRefusesOtherOrigins(t *testing.T) {
	host := echo(t)
	for origin, ok := range map[string]bool{
		"http://" + host: true, "http://evil.example": false, "null": false, "http://" + host + ".evil.example": false,
	} {
		_, resp, err := websocket.Dial(context.Background(), "ws://"+host+"/db/group/db", &websocket.DialOptions{
			Subprotocols: []string{Subprotocol}, HTTPHeader: http.Header{"Origin": {origin}},
		})
		if (err == nil) != ok {
			t.Errorf("origin %s: %v", origin, err)
		}
		if !ok && (resp == nil || resp.StatusCode != http.StatusForbidden) {
			t.Errorf("origin %s: %v", origin, resp)
		}
	}
}

// frames is a WebSocket that reads the given bytes as the server does.
func frames(raw []byte, wrap func(io.Reader) io.Reader) *webSocket {
	return newWebSocket(scripted{r: wrap(bytes.NewReader(raw))}, ws.StateServerSide, nil)
}

type scripted struct {
	net.Conn
	r io.Reader
}

func (s scripted) Read(p []byte) (int, error)  { return s.r.Read(p) }
func (s scripted) Write(p []byte) (int, error) { return len(p), nil }

func masked(op ws.OpCode, fin bool, payload string) []byte {
	f := ws.NewFrame(op, fin, []byte(payload))
	f = ws.MaskFrame(f)
	var b bytes.Buffer
	if err := ws.WriteFrame(&b, f); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestWebSocketFragmentsAndControlFrames(t *testing.T) {
	raw := bytes.Join([][]byte{
		masked(ws.OpBinary, false, "one "), masked(ws.OpPing, true, "are you there"), masked(ws.OpContinuation, true, "two "),
		masked(ws.OpPong, true, ""), masked(ws.OpBinary, true, ""), masked(ws.OpBinary, true, "three"),
		masked(ws.OpClose, true, ""), masked(ws.OpBinary, true, "never read"),
	}, nil)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader,
	} {
		got, err := io.ReadAll(frames(raw, wrap))
		if err != nil || string(got) != "one two three" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestWebSocketTakesAllThatCame is what makes large rounds of small commits.
func TestWebSocketTakesAllThatCame(t *testing.T) {
	var raw []byte
	for range 10 {
		raw = append(raw, masked(ws.OpBinary, true, "0123456789")...)
	}
	p := make([]byte, 1000)
	n, err := frames(raw, func(r io.Reader) io.Reader { return r }).Read(p)
	if err != nil || n != 100 {
		t.Errorf("one read gives %d bytes, %v; want 100", n, err)
	}
}

func TestWebSocketRefusesMalformedFrames(t *testing.T) {
	unmasked := new(bytes.Buffer)
	ws.WriteFrame(unmasked, ws.NewBinaryFrame([]byte("x")))
	for name, raw := range map[string][]byte{
		"text": masked(ws.OpText, true, "hello"), "unmasked": unmasked.Bytes(),
		"reserved bits": append([]byte{0x82 | 0x40}, masked(ws.OpBinary, true, "x")[1:]...),
		"long ping":     {0x89, 0xfe, 0, 126, 0, 0, 0, 0},
	} {
		_, err := io.ReadAll(frames(raw, func(r io.Reader) io.Reader { return r }))
		if !fault.Is(err, fault.BadMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := masked(ws.OpBinary, true, "cut short")
	for n := 1; n < len(whole); n++ {
		if _, err := io.ReadAll(frames(whole[:n], func(r io.Reader) io.Reader { return r })); err != io.ErrUnexpectedEOF {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

func FuzzWebSocket(f *testing.F) {
	f.Add(masked(ws.OpBinary, true, "hello"))
	f.Add([]byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, _ := io.ReadAll(frames(raw, func(r io.Reader) io.Reader { return r }))
		if len(got) > len(raw) {
			t.Errorf("%d bytes came out of %d", len(got), len(raw))
		}
	})
}
