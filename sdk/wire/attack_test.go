package wire

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// meeting is what came of a client and a server with an attacker between them.
type meeting struct {
	client error
	server served
}

// meet has a client visit a server through an attacker, who sees every message
// in clear text, then whatever a read brings, and returns what goes on instead.
func meet(t *testing.T, c DialOptions, s AcceptOptions, attack func(toServer bool, b []byte) []byte) (m meeting) {
	t.Helper()
	client, near := net.Pipe()
	far, server := net.Pipe()
	if s.Deadline.IsZero() {
		s.Deadline = time.Now().Add(2 * time.Second)
	}
	ends := []net.Conn{client, near, far, server}
	var running sync.WaitGroup
	relay := func(from, to net.Conn, toServer bool) {
		b := make([]byte, 1<<16)
		for {
			n, err := from.Read(b)
			if n > 0 {
				if _, err := to.Write(attack(toServer, bytes.Clone(b[:n]))); err != nil {
					break
				}
			}
			if err != nil {
				break
			}
		}
		from.Close()
		to.Close()
	}
	running.Go(func() { relay(near, far, true) })
	running.Go(func() { relay(far, near, false) })
	running.Go(func() { m.server = serve(server, s) })
	running.Go(func() {
		defer client.Close()
		client.SetDeadline(s.Deadline)
		d := dialer{nc: client, host: "test", o: c, prologue: newTranscript()}
		var nc net.Conn
		if nc, _, m.client = d.greet(); m.client != nil {
			return
		}
		conn := NewConn(nc)
		conn.Queue(Open, &wirepb.Open{Name: testName})
		if m.client = conn.Flush(); m.client != nil {
			return
		}
		var kind Type
		if kind, _, m.client = conn.Receive(); m.client == nil && kind != Opened {
			m.client = fault.New(fault.BadMessage, "type %d", kind)
		}
	})
	running.Wait()
	for _, nc := range ends {
		nc.Close()
	}
	return m
}

// failed reports an attack that did not end the connection on both sides.
func (m meeting) failed(t *testing.T, attack string) {
	t.Helper()
	if m.client == nil || m.server.opened != nil {
		t.Errorf("%s: the client received %v, the server opened %q", attack, m.client, m.server.opened.GetName())
	}
}

// flight returns how much each side sends without an attack: the client until
// it has said Open, the server until it has said its hello.
func flight(t *testing.T, c DialOptions, s AcceptOptions) (toServer, toClient int) {
	t.Helper()
	var mu sync.Mutex
	m := meet(t, c, s, func(up bool, b []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		if up {
			toServer += len(b)
		} else if toClient == 0 {
			toClient = len(b)
		}
		return b
	})
	if m.client != nil || m.server.err != nil {
		t.Fatalf("without an attack: client %v, server %v", m.client, m.server.err)
	}
	return toServer, toClient
}

// Attack: one bit of any byte of the greeting is flipped, in either direction:
// lengths, hellos, handshake and the client's first frame. Neither side ever
// takes the other's first message.
func TestFlippedBitInTheGreeting(t *testing.T) {
	for _, level := range []int{128, 256} {
		c := DialOptions{Agent: "client", MinEncryption: level}
		s := AcceptOptions{Agent: "server", Encryption: level, Identity: newIdentity(t)}
		toServer, toClient := flight(t, c, s)
		step := 1
		switch {
		case raceEnabled:
			step = 211
		case level == 256:
			step = 23 // P-384 takes too long for every byte
		}
		for _, up := range []bool{true, false} {
			total := toClient
			if up {
				total = toServer
			}
			for at := 0; at < total; at += step {
				s.Deadline = time.Now().Add(300 * time.Millisecond) // a longer length waits for what never comes
				var sent int
				m := meet(t, c, s, func(toServer bool, b []byte) []byte {
					if toServer == up {
						if i := at - sent; i >= 0 && i < len(b) {
							b[i] ^= 1 << (at % 8)
						}
						sent += len(b)
					}
					return b
				})
				if m.client == nil || m.server.opened != nil {
					t.Fatalf("level %d, to the server %v: the bit flipped in byte %d of %d was not seen", level, up, at, total)
				}
			}
		}
	}
}

// Attack: a man in the middle greets the client with keys of his own, and goes
// on to the real server. A client that knows the server's fingerprint leaves
// before it has said anything but its hello.
func TestManInTheMiddleWithOwnKeys(t *testing.T) {
	real, own := newIdentity(t), newIdentity(t)
	pinned := real.Public().Fingerprint()
	heard := make(chan served, 10)
	u, _ := listen(t, AcceptOptions{Encryption: 128, Identity: real}, func(client, server net.Conn) {
		server.Close()
		heard <- serve(client, AcceptOptions{Encryption: 128, Identity: own})
	})
	for _, level := range []int{128, 256} {
		_, err := visit(u, DialOptions{MinEncryption: level, CheckServer: func(s Server) error {
			if s.Fingerprint != pinned {
				return fault.New(fault.WrongServer, "the server is %s, not %s", s.Fingerprint, pinned)
			}
			return nil
		}})
		if there := <-heard; !fault.Is(err, fault.WrongServer) || there.opened != nil {
			t.Errorf("%d bit: client %v; he heard %q", level, err, there.opened.GetName())
		}
	}
}

// Attack: a server encrypts with its own key and discloses the identity of
// another, so as to pass for it.
func TestSwappedServerKey(t *testing.T) {
	victim, own := newIdentity(t), newIdentity(t)
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		defer far.Close()
		message, err := readMessage(far)
		if err != nil {
			return
		}
		hello, err := parseClientHello(message)
		if err != nil {
			return
		}
		a := acceptor{o: AcceptOptions{Identity: own}, prologue: newTranscript()}
		bare, err := a.hello(128, nil)
		if err != nil {
			return
		}
		a.prologue.add(message)
		a.prologue.addCut(bare[helloHeader:])
		m2, _, err := pqnoise.Respond(128, a.prologue, hello.KeyShare, own.Key(pqnoise.XWing), victim.Public().Disclose(pqnoise.XWing))
		if err != nil {
			return
		}
		far.Write(appendMessage(nil, ServerHello, append(bare[helloHeader:], handshakeField(m2)...)))
		io.Copy(io.Discard, far)
	}()
	var shown identity.Fingerprint
	d := dialer{nc: near, prologue: newTranscript(), o: DialOptions{MinEncryption: 128, CheckServer: func(s Server) error {
		shown = s.Fingerprint
		return nil
	}}}
	if _, _, err := d.greet(); err != nil {
		t.Fatal(err)
	}
	if shown == victim.Public().Fingerprint() || shown.IsZero() {
		t.Errorf("passed for the other with %s", shown)
	}
}

// Attack: everything that a client sent is sent again, to the same server. It
// comes to nothing, though the same server holds the same keys.
func TestReplayOfAClient(t *testing.T) {
	id := newIdentity(t)
	for _, level := range []int{128, 256} {
		var recorded []byte
		s := AcceptOptions{Encryption: level, Identity: id}
		if m := meet(t, DialOptions{MinEncryption: level}, s, func(toServer bool, b []byte) []byte {
			if toServer {
				recorded = append(recorded, b...)
			}
			return b
		}); m.client != nil {
			t.Fatal(m.client)
		}
		near, far := net.Pipe()
		go near.Write(recorded)
		go io.Copy(io.Discard, near)
		s.Deadline = time.Now().Add(2 * time.Second)
		if again := serve(far, s); again.opened != nil || !fault.Is(again.err, fault.BadMessage) {
			t.Errorf("level %d: opened %q, %v", level, again.opened.GetName(), again.err)
		}
		near.Close()
	}
}

// Attack: hellos that no peer says. Each is refused with the code that says why.
func TestGarbageHellos(t *testing.T) {
	share := func(n int) []byte { return bytes.Repeat([]byte{5}, n) }
	for name, test := range map[string]struct {
		raw  []byte
		code fault.Code
	}{
		"no type":               {make([]byte, 5), fault.BadMessage},
		"oversize":              {append(binary.LittleEndian.AppendUint32(nil, MaxHello+1), 1), fault.TooLarge},
		"all ones":              {bytes.Repeat([]byte{0xff}, 10), fault.TooLarge},
		"another message":       {whole(2, nil), fault.BadMessage},
		"no protobuf":           {whole(1, []byte{0xff, 0xff}), fault.BadMessage},
		"version 0":             {whole(1, nil), fault.Unsupported},
		"no nonce":              {clientHello(t, &wirepb.ClientHello{Nonce: []byte{}}), fault.BadMessage},
		"a long nonce":          {clientHello(t, &wirepb.ClientHello{Nonce: share(33)}), fault.BadMessage},
		"no level":              {clientHello(t, &wirepb.ClientHello{Encryption: 129, Offer: 128}), fault.BadMessage},
		"no offer":              {clientHello(t, &wirepb.ClientHello{Offer: 192, KeyShare: share(1216)}), fault.BadMessage},
		"a share, no offer":     {clientHello(t, &wirepb.ClientHello{KeyShare: share(1216)}), fault.BadMessage},
		"an offer, no share":    {clientHello(t, &wirepb.ClientHello{Offer: 128, KeyShare: []byte{}}), fault.BadMessage},
		"a short share":         {clientHello(t, &wirepb.ClientHello{Encryption: 128, KeyShare: share(1215)}), fault.BadMessage},
		"a share of zeros":      {clientHello(t, &wirepb.ClientHello{Encryption: 128, KeyShare: make([]byte, 1216)}), fault.BadMessage},
		"a share of the other":  {clientHello(t, &wirepb.ClientHello{Encryption: 256, Offer: 256, KeyShare: share(1216)}), fault.BadMessage},
		"a point off the curve": {clientHello(t, &wirepb.ClientHello{Encryption: 256, Offer: 256, KeyShare: share(1665)}), fault.BadMessage},
	} {
		near, far := net.Pipe()
		go near.Write(test.raw)
		go io.Copy(io.Discard, near)
		if _, _, err := Accept(far, AcceptOptions{Identity: newIdentity(t)}); !fault.Is(err, test.code) {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
		near.Close()
		far.Close()
	}
}

// Attack: the connection ends inside the greeting; that is no fault of the
// peer's, and nothing is believed of what came.
func TestGreetingCutOff(t *testing.T) {
	hello := clientHello(t, &wirepb.ClientHello{Encryption: 128})
	for _, end := range []int{0, 3, 5, len(hello) - 1, len(hello)} {
		near, far := net.Pipe()
		go func() {
			near.Write(hello[:end])
			if end == len(hello) {
				io.ReadFull(near, make([]byte, 1000))
			}
			near.Close()
		}()
		if _, _, err := Accept(far, AcceptOptions{Identity: newIdentity(t)}); !stream.IsClosed(err) && err != io.ErrClosedPipe {
			t.Errorf("cut after %d bytes: %v", end, err)
		}
		far.Close()
	}
}
