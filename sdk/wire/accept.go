package wire

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// AcceptOptions are what a server greets a client with.
type AcceptOptions struct {
	Agent      string            // the server's software
	Encryption int               // the level used unless a client demands more: 0, 128, 192 or 256
	Identity   *identity.Private // nil only if nothing is ever to be encrypted or signed
	Deadline   time.Time         // until when the client has time; zero is HelloTimeout from now
}

// Accept answers a client's hello on a connection of which only the preface of
// the transport has been read, and agrees with it on how the connection is
// encrypted. The client sends Open next, for which the deadline stays in force;
// the caller lifts it.
//
// The Conn is never nil, and owns nc; with an error it is in clear text, and if
// that is a fault, good for saying Bye. The greeting's Server is this server.
func Accept(nc net.Conn, o AcceptOptions) (*Conn, Greeting, error) {
	if !isLevel(uint32(o.Encryption)) || o.Encryption > 0 && o.Identity == nil {
		return NewConn(nc), Greeting{}, fault.New(fault.Internal, "greeting a client with %d bit wire encryption and the identity %v", o.Encryption, o.Identity)
	}
	if o.Deadline.IsZero() {
		o.Deadline = time.Now().Add(HelloTimeout)
	}
	if err := nc.SetDeadline(o.Deadline); err != nil {
		return NewConn(nc), Greeting{}, err
	}
	a := acceptor{nc: nc, o: o, prologue: newTranscript()}
	encrypted, greeting, err := a.greet()
	if err == nil {
		err = nc.SetWriteDeadline(time.Time{})
	}
	if err != nil {
		return NewConn(nc), Greeting{}, err
	}
	return NewConn(encrypted), greeting, nil
}

// acceptor is the server's side of a greeting.
type acceptor struct {
	nc       net.Conn
	o        AcceptOptions
	prologue transcript
	nonce    [nonceSize]byte
}

func (a *acceptor) greet() (net.Conn, Greeting, error) {
	rand.Read(a.nonce[:])
	hello, err := a.receive()
	if err != nil {
		return nil, Greeting{}, err
	}
	level, err := a.choose(hello)
	if err != nil {
		return nil, Greeting{}, err
	}
	if level == 0 {
		return a.clear(hello)
	}
	if int(hello.Offer) != offerFor(level) {
		if hello, err = a.askAgain(hello, level); err != nil {
			return nil, Greeting{}, err
		}
	}
	return a.encrypt(pqnoise.Level(level), hello)
}

func (a *acceptor) receive() (*wirepb.ClientHello, error) {
	message, err := readMessage(a.nc)
	if err != nil {
		return nil, err
	}
	a.prologue.add(message)
	return parseClientHello(message)
}

// choose returns the connection's level: the server's, or the client's least if
// that is higher.
func (a *acceptor) choose(hello *wirepb.ClientHello) (int, error) {
	level := max(a.o.Encryption, int(hello.Encryption))
	switch {
	case level > 0 && hello.Offer == 0:
		return 0, fault.New(fault.Unsupported, "this server demands %d bit wire encryption, and the client offers none; dial with wire encryption", level)
	case level > 0 && a.o.Identity == nil:
		return 0, fault.New(fault.Unsupported, "the client demands %d bit wire encryption, and this server has no identity to encrypt with", level)
	}
	return level, nil
}

// askAgain names the level to a client that offered another mechanism than the
// level's, and receives its second hello.
func (a *acceptor) askAgain(first *wirepb.ClientHello, level int) (*wirepb.ClientHello, error) {
	message, err := a.hello(level, nil)
	if err != nil {
		return nil, err
	}
	a.prologue.add(message)
	if _, err := a.nc.Write(message); err != nil {
		return nil, err
	}
	second, err := a.receive()
	if err != nil {
		return nil, err
	}
	if int(second.Offer) != offerFor(level) || second.Encryption != first.Encryption || !bytes.Equal(second.Nonce, first.Nonce) {
		return nil, fault.New(fault.BadMessage, "the client's second hello does not go with its first and the %d bit wire encryption asked for", level)
	}
	return second, nil
}

// hello returns the message ServerHello without a handshake.
func (a *acceptor) hello(level int, public []byte) ([]byte, error) {
	m := &wirepb.ServerHello{Version: Version, Agent: clipAgent(a.o.Agent), Encryption: uint32(level), Nonce: a.nonce[:], Identity: public}
	payload, err := m.MarshalVT()
	if err != nil {
		return nil, fault.New(fault.Internal, "encoding the hello: %w", err)
	}
	return appendMessage(nil, ServerHello, payload), nil
}

// clear ends the greeting without encryption.
func (a *acceptor) clear(hello *wirepb.ClientHello) (net.Conn, Greeting, error) {
	var public []byte
	if a.o.Identity != nil {
		public = a.o.Identity.Public().Encode()
	}
	message, err := a.hello(0, public)
	if err != nil {
		return nil, Greeting{}, err
	}
	if _, err := a.nc.Write(message); err != nil {
		return nil, Greeting{}, err
	}
	server := a.server(0)
	binding := clearBinding(hello.Nonce, a.nonce[:], server.Fingerprint)
	return a.nc, Greeting{Server: server, Agent: clipAgent(hello.Agent), Binding: binding}, nil
}

// encrypt ends the greeting with the handshake.
func (a *acceptor) encrypt(level pqnoise.Level, hello *wirepb.ClientHello) (net.Conn, Greeting, error) {
	bare, err := a.hello(int(level), nil)
	if err != nil {
		return nil, Greeting{}, err
	}
	payload := bare[helloHeader:]
	a.prologue.addCut(payload)
	kem := level.KEM()
	message2, responder, err := pqnoise.Respond(level, a.prologue, hello.KeyShare, a.o.Identity.Key(kem), a.o.Identity.Public().Disclose(kem))
	if err != nil {
		return nil, Greeting{}, err
	}
	payload = append(payload[:len(payload):len(payload)], handshakeField(message2)...)
	if _, err := a.nc.Write(appendMessage(nil, ServerHello, payload)); err != nil {
		return nil, Greeting{}, err
	}
	message3 := make([]byte, level.Message3Size())
	if _, err := io.ReadFull(a.nc, message3); err != nil {
		return nil, Greeting{}, unexpected(err)
	}
	session, err := responder.Finish(message3)
	if err != nil {
		return nil, Greeting{}, err
	}
	server := a.server(int(level))
	binding := encryptedBinding(session, server.Fingerprint)
	return pqnoise.NewConn(a.nc, session), Greeting{Server: server, Agent: clipAgent(hello.Agent), Binding: binding}, nil
}

// server returns who this server is on a connection of a level.
func (a *acceptor) server(level int) Server {
	s := Server{Encryption: level, Proven: level > 0}
	if a.o.Identity != nil {
		public := a.o.Identity.Public()
		s.Fingerprint, s.Signing = public.Fingerprint(), public.Signing
	}
	return s
}
