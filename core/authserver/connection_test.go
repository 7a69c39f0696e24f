package authserver

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// listen serves the world on a port of its own until the test ends, and returns
// the address and what stops it.
func (w *world) listen(t *testing.T) (address string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l, err := listen(ctx, Config{Listen: "127.0.0.1:0", WireEncryption: 128, Identity: w.self}, nil, w.service, hclog.NewNullLogger())
	check(t, err)
	go l.Serve()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			check(t, endConnections(l))
		}
	}
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

// client is a connection over the wire.
type client struct {
	*wire.Conn
	t        *testing.T
	greeting wire.Greeting
}

func dial(t *testing.T, scheme, address string) *client {
	t.Helper()
	conn, greeting, err := wire.DialPath(t.Context(), scheme, address, Path, wire.DialOptions{MinEncryption: 128})
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	conn.SetLimit(maxMessage)
	return &client{conn, t, greeting}
}

// ask sends a request and returns the reply, or what the server said in a Bye.
func (c *client) ask(request *pb.Request) (*pb.Reply, error) {
	c.t.Helper()
	c.Send(wire.AuthRequest, request)
	return c.receive()
}

func (c *client) receive() (*pb.Reply, error) {
	c.t.Helper()
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	kind, payload, err := c.Receive()
	if err != nil {
		return nil, err
	}
	switch kind {
	case wire.AuthReply:
		reply := new(pb.Reply)
		return reply, stream.Unmarshal(kind, payload, reply)
	case wire.Bye:
		bye := new(wirepb.Bye)
		check(c.t, stream.Unmarshal(kind, payload, bye))
		return nil, wire.AsFault(bye)
	}
	c.t.Fatalf("the server sends a message of type %d", kind)
	return nil, nil
}

func lookFor(name string) *pb.Request {
	return &pb.Request{Ask: &pb.Request_Look{Look: &pb.Look{Name: name}}}
}

// TestOverTheWire registers and logs in over both transports, with requests sent
// before the answers to those before have come.
func TestOverTheWire(t *testing.T) {
	w, alice := newWorld(t), cast()["alice"]
	address, _ := w.listen(t)
	for _, scheme := range []string{"ws", "tcp"} {
		c := dial(t, scheme, address)
		if c.greeting.Server.Fingerprint != w.self.Public().Fingerprint() || c.greeting.Server.Encryption != 128 {
			t.Errorf("the server greets as %v", c.greeting.Server)
		}
		c.Queue(wire.AuthRequest, &pb.Request{Id: 1, Ask: &pb.Request_CreateUser{CreateUser: alice.createUser()}})
		c.Queue(wire.AuthRequest, &pb.Request{Id: 2, Ask: &pb.Request_Login{Login: &pb.Login{
			Name: string(alice.name), Kind: account.Passphrase.Proto(),
			Signature: alice.passphrase.SignLogin(alice.name, c.greeting.Binding[:], c.greeting.Server.Fingerprint),
		}}})
		c.Queue(wire.AuthRequest, &pb.Request{Id: 3, Ask: &pb.Request_GetUser{GetUser: &pb.GetUser{}}})
		check(t, c.Flush())
		for id := uint64(1); id <= 3; id++ {
			reply, err := c.receive()
			check(t, err)
			if reply.Id != id || reply.Code != "" {
				t.Errorf("over %s, the answer to request %d is %v", scheme, id, reply)
			}
		}
	}
}

// TestBadConnections: the attacks are messages that are too large, that are none,
// or of another protocol. Each costs its own connection alone.
func TestBadConnections(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	address, _ := w.listen(t)
	good := dial(t, "tcp", address)
	large := lookFor(strings.Repeat("x", maxStranger))
	for _, c := range []struct {
		what string
		send func(*client)
		code fault.Code
	}{
		{"a message that is too large for a stranger", func(c *client) { c.Send(wire.AuthRequest, large) }, fault.TooLarge},
		{"a message of a server of chains", func(c *client) { c.Send(wire.Open, &wirepb.Open{Name: "auth/accounts", Create: true}) }, fault.BadMessage},
		{"a message that is no request", func(c *client) { c.Send(wire.AuthRequest, &wirepb.Bye{Code: "x", Reason: "y"}) }, fault.BadMessage},
	} {
		bad := dial(t, "tcp", address)
		c.send(bad)
		_, err := bad.receive()
		wantCode(t, c.what, err, c.code)
		if _, err := bad.receive(); err == nil {
			t.Errorf("after %s the connection goes on", c.what)
		}
	}
	raw, err := net.Dial("tcp", address)
	check(t, err)
	defer raw.Close()
	io.WriteString(raw, wire.Preface+strings.Repeat("\xff", 64))
	raw.SetReadDeadline(time.Now().Add(5 * time.Second))
	io.Copy(io.Discard, raw)
	reply, err := good.ask(lookFor(string(alice.name)))
	check(t, err)
	if reply.GetFound() == nil {
		t.Errorf("another connection is answered %v", reply)
	}
}

// TestPath proves that the server is at its path and nowhere else.
func TestPath(t *testing.T) {
	address, _ := newWorld(t).listen(t)
	for path, status := range map[string]int{"/auth": http.StatusUpgradeRequired, "/": 404, "/db/": 404, "/auth/": 400, "/authx": 400} {
		r, err := http.Get("http://" + address + path)
		check(t, err)
		r.Body.Close()
		if r.StatusCode != status {
			t.Errorf("%s is answered with status %d; want %d", path, r.StatusCode, status)
		}
	}
}

// TestStopping proves that connections end with the reason when the server stops.
func TestStopping(t *testing.T) {
	w := newWorld(t, "alice")
	address, stop := w.listen(t)
	c := dial(t, "ws", address)
	_, err := c.ask(lookFor("alice@example.com"))
	check(t, err)
	go stop()
	_, err = c.receive()
	wantCode(t, "a connection when the server stops", err, fault.ShuttingDown)
}

// TestStoppingWaitsForNobody: the attack is to ask and ask and to take no answer,
// which must not keep the server from an orderly stop.
func TestStoppingWaitsForNobody(t *testing.T) {
	w := newWorld(t, "alice")
	address, stop := w.listen(t)
	for _, scheme := range []string{"ws", "tcp"} {
		c := dial(t, scheme, address)
		var asked atomic.Int64
		go func() {
			for c.Send(wire.AuthRequest, lookFor("alice@example.com")) == nil {
				asked.Add(1)
			}
		}()
		for before := int64(-1); asked.Load() != before; time.Sleep(500 * time.Millisecond) { // until nothing moves
			before = asked.Load()
		}
	}
	began := time.Now()
	stop()
	if took := time.Since(began); took > cutOffAfter+2*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

// TestFailuresEndTheConnection proves that a connection of a client that fails and
// fails is ended.
func TestFailuresEndTheConnection(t *testing.T) {
	w := newWorld(t, "alice")
	address, _ := w.listen(t)
	c := dial(t, "tcp", address)
	bad := &pb.Request{Ask: &pb.Request_Present{Present: &pb.Present{Delegation: cast()["alice"].advert.Proto()}}}
	for i := range maxFailures + 1 {
		reply, err := c.ask(bad)
		check(t, err)
		if reply.Code != string(fault.BadToken) {
			t.Fatalf("failure %d is answered %v", i, reply)
		}
	}
	_, err := c.receive()
	wantCode(t, "the end of the connection", err, fault.LoginFailed)
}

// TestIdleConnectionEnds proves that who says nothing, or never ends a message, is
// disconnected.
func TestIdleConnectionEnds(t *testing.T) {
	w := newWorld(t)
	for _, begin := range []string{"", "\x10\x00\x00\x00"} {
		ours, theirs := net.Pipe()
		ended := make(chan error, 1)
		c := &caller{service: w.service, idle: 50 * time.Millisecond}
		go func() { ended <- c.serve(t.Context(), wire.NewConn(theirs)) }()
		io.WriteString(ours, begin)
		select {
		case err := <-ended:
			wantCode(t, "an idle connection", err, fault.Unavailable)
		case <-time.After(5 * time.Second):
			t.Error("an idle connection goes on")
		}
		ours.Close()
	}
}
