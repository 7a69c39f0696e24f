package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

const testName = "secret.example/agent/dossier"

func newIdentity(t testing.TB) *identity.Private {
	t.Helper()
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// served is what became of a connection on the server's side.
type served struct {
	greeting Greeting
	opened   *wirepb.Open
	err      error
}

// serve greets a client on nc, receives Open and answers it. A fault is said in
// a Bye.
func serve(nc net.Conn, o AcceptOptions) (s served) {
	conn, greeting, err := Accept(nc, o)
	defer func() { conn.Close() }()
	s.greeting, s.err = greeting, err
	if err == nil {
		var payload []byte
		if _, payload, s.err = conn.Receive(); s.err == nil {
			s.opened = new(wirepb.Open)
			s.err = s.opened.UnmarshalVT(payload)
			conn.Send(Opened, &wirepb.Opened{Genesis: []byte(testPayload)})
			conn.CloseWrite()
		}
		return s
	}
	var f *fault.Error
	if errors.As(err, &f) {
		conn.Send(Bye, &wirepb.Bye{Code: string(f.Code), Reason: f.Reason})
	}
	return s
}

const testPayload = "the payload that nobody else reads"

// listen serves connections over raw TCP, one after the other, through relay
// unless that is nil.
func listen(t testing.TB, o AcceptOptions, relay func(client, server net.Conn)) (chainname.URL, <-chan served) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	results := make(chan served, 100)
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			preface := make([]byte, len(Preface))
			if _, err := io.ReadFull(nc, preface); err != nil {
				nc.Close()
				continue
			}
			if relay != nil {
				near, far := net.Pipe()
				go relay(nc, near)
				nc = far
			}
			results <- serve(nc, o)
		}
	}()
	return chainname.URL{Scheme: "tcp", Host: l.Addr().String(), Name: testName}, results
}

// visit dials, sends Open and receives the answer to it.
func visit(u chainname.URL, o DialOptions) (Greeting, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, greeting, err := Dial(ctx, u, o)
	if err != nil {
		return greeting, err
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if err := conn.Send(Open, &wirepb.Open{Name: u.Name.String()}); err != nil {
		return greeting, err
	}
	kind, payload, err := conn.Receive()
	if err != nil {
		return greeting, err
	}
	var opened wirepb.Opened
	if err := opened.UnmarshalVT(payload); kind != Opened || err != nil || string(opened.Genesis) != testPayload {
		return greeting, errors.New("the client received something else than the server sent")
	}
	_, _, err = conn.Receive()
	if err != io.EOF {
		return greeting, err
	}
	return greeting, nil
}

// Each pair of a server's level and a client's demand and offer comes to the
// specified level, or to a refusal that both hear and that says why.
func TestNegotiation(t *testing.T) {
	id := newIdentity(t)
	for _, test := range []struct {
		server, least int
		offer         bool
		level         int
		code          fault.Code
	}{
		{0, 0, false, 0, ""}, {0, 0, true, 0, ""},
		{0, 128, false, 128, ""}, {0, 192, true, 192, ""}, {0, 256, true, 256, ""},
		{128, 0, true, 128, ""}, {128, 128, true, 128, ""}, {128, 192, true, 192, ""}, {128, 256, true, 256, ""},
		{192, 0, true, 192, ""}, {192, 128, true, 192, ""}, {192, 256, true, 256, ""},
		{256, 0, true, 256, ""}, {256, 128, false, 256, ""}, {256, 256, true, 256, ""},
		{128, 0, false, 0, fault.Unsupported}, {256, 0, false, 0, fault.Unsupported},
	} {
		u, results := listen(t, AcceptOptions{Agent: "server", Encryption: test.server, Identity: id}, nil)
		var checked Server
		got, err := visit(u, DialOptions{Agent: "client", MinEncryption: test.least, Offer: test.offer, CheckServer: func(s Server) error {
			checked = s
			return nil
		}})
		there := <-results
		if test.code != "" {
			if !fault.Is(err, test.code) || !fault.Is(there.err, test.code) {
				t.Errorf("%+v: client %v, server %v", test, err, there.err)
			}
			continue
		}
		if err != nil || there.err != nil {
			t.Errorf("%+v: client %v, server %v", test, err, there.err)
			continue
		}
		s := got.Server
		if s.Encryption != test.level || s.Proven != (test.level > 0) || s.Fingerprint != id.Public().Fingerprint() || !bytes.Equal(s.Signing, id.Public().Signing) {
			t.Errorf("%+v: the server is %d bit, proven %v, %s", test, s.Encryption, s.Proven, s.Fingerprint)
		}
		if got.Binding != there.greeting.Binding || got.Agent != "server" || there.greeting.Agent != "client" || there.greeting.Server.Encryption != test.level {
			t.Errorf("%+v: the two sides differ: %q and %q", test, got.Agent, there.greeting.Agent)
		}
		if checked.Fingerprint != s.Fingerprint || checked.Encryption != s.Encryption || there.opened.GetName() != testName {
			t.Errorf("%+v: checked %s, opened %q", test, checked.Fingerprint, there.opened.GetName())
		}
	}
}

// A server without an identity serves clear text, and tells who demands more.
func TestServerWithoutIdentity(t *testing.T) {
	u, results := listen(t, AcceptOptions{}, nil)
	got, err := visit(u, DialOptions{Offer: true})
	if there := <-results; err != nil || !got.Server.Fingerprint.IsZero() || got.Server.Signing != nil || got.Binding != there.greeting.Binding {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := visit(u, DialOptions{MinEncryption: 128}); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a demand: %v", err)
	}
	if there := <-results; !fault.Is(there.err, fault.Unsupported) {
		t.Errorf("the server: %v", there.err)
	}
}

// No two connections have the same binding, encrypted or not.
func TestBindingIsOfOneConnection(t *testing.T) {
	u, _ := listen(t, AcceptOptions{Identity: newIdentity(t)}, nil)
	seen := make(map[[32]byte]bool)
	for _, least := range []int{0, 0, 128, 128, 256, 256} {
		got, err := visit(u, DialOptions{MinEncryption: least})
		if err != nil || seen[got.Binding] {
			t.Errorf("%d bit: %v", least, err)
		}
		seen[got.Binding] = true
	}
}

// The check of the server comes before anything but the hello is sent: a server
// that is refused hears nothing of the chain.
func TestCheckServerComesFirst(t *testing.T) {
	refused := errors.New("not this one")
	for _, level := range []int{0, 128, 256} {
		u, results := listen(t, AcceptOptions{Encryption: level, Identity: newIdentity(t), Deadline: time.Now().Add(2 * time.Second)}, nil)
		_, err := visit(u, DialOptions{Offer: true, CheckServer: func(Server) error { return refused }})
		if err != refused {
			t.Errorf("%d bit: %v", level, err)
		}
		if there := <-results; there.opened != nil || there.err == nil {
			t.Errorf("%d bit: the server heard more: %+v", level, there)
		}
	}
}

// A server that says nothing, and one that nobody can reach, are unavailable;
// Dial ends with its context.
func TestSilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := chainname.URL{Scheme: "tcp", Host: l.Addr().String(), Name: testName}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := Dial(ctx, u, DialOptions{Offer: true}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("silent: %v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, _, err := Dial(ctx, u, DialOptions{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("cancelled: %v", err)
	}
	l.Close()
	if _, _, err := Dial(context.Background(), u, DialOptions{}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("unreachable: %v", err)
	}
}

// A client that stops anywhere in the greeting is dropped at the deadline.
func TestSilentClient(t *testing.T) {
	id := newIdentity(t)
	for _, send := range [][]byte{nil, {1, 0, 0}, clientHello(t, &wirepb.ClientHello{Encryption: 128})} {
		near, far := net.Pipe()
		go near.Write(send)
		go io.Copy(io.Discard, near)
		started := time.Now()
		_, _, err := Accept(far, AcceptOptions{Identity: id, Deadline: started.Add(50 * time.Millisecond)})
		if err == nil || time.Since(started) > 3*time.Second {
			t.Errorf("after %d bytes: %v after %s", len(send), err, time.Since(started))
		}
		near.Close()
		far.Close()
	}
}

func TestMisuseIsRefused(t *testing.T) {
	if _, _, err := Dial(context.Background(), chainname.URL{Scheme: "tcp", Host: "127.0.0.1:1"}, DialOptions{MinEncryption: 100}); !fault.Is(err, fault.BadRequest) {
		t.Errorf("a level of 100: %v", err)
	}
	for _, o := range []AcceptOptions{{Encryption: 64}, {Encryption: 128}} {
		a, b := net.Pipe()
		if _, _, err := Accept(a, o); !fault.Is(err, fault.Internal) {
			t.Errorf("%+v: %v", o, err)
		}
		a.Close()
		b.Close()
	}
}
