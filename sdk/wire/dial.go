package wire

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"net"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// DialOptions are what a client greets a server with.
type DialOptions struct {
	Agent         string // the client's software, for the server's log
	MinEncryption int    // the least accepted: 0, 128, 192 or 256
	// Offer lets the server encrypt although MinEncryption is 0. Such a
	// connection is safe from those who listen; whoever can change what is
	// sent can take the offer out, unless CheckServer asks for Proven.
	Offer bool
	// CheckServer, unless nil, is called once it is known who the server is,
	// before anything but the hello is sent to it. Its error ends Dial.
	CheckServer func(Server) error
	TLS         *tls.Config // for wss://; nil trusts what the system trusts
	// DialContext makes the connections, as a net.Dialer does; nil looks names
	// up as the system does.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// encrypts reports whether the connection may become an encrypted one.
func (o *DialOptions) encrypts() bool { return o.Offer || o.MinEncryption > 0 }

// Dial connects to the server of a chain's URL, and agrees with it on how the
// connection is encrypted. The server expects Open next. ctx bounds all of it.
//
// Errors are faults: wrong_server if the server offers less than MinEncryption,
// bad_message if it cannot be followed or the handshake failed, unavailable if
// it cannot be reached, what the server said in a Bye, and CheckServer's.
func Dial(ctx context.Context, u chainname.URL, o DialOptions) (*Conn, Greeting, error) {
	path := chainname.URLPrefix
	if !o.encrypts() { // else it is not for everybody on the way to read
		path += u.Name.String()
	}
	return DialPath(ctx, u.Scheme, u.Host, path, o)
}

// DialPath does what Dial does with a server of any kind. The scheme is ws,
// wss or tcp, which has no use for the path, and host includes the port.
func DialPath(ctx context.Context, scheme, host, path string, o DialOptions) (*Conn, Greeting, error) {
	if _, err := pqnoise.ParseLevel(o.MinEncryption); err != nil && o.MinEncryption != 0 {
		return nil, Greeting{}, err
	}
	nc, err := dialTransport(ctx, scheme, host, path, o)
	if err != nil {
		return nil, Greeting{}, err
	}
	interrupt := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	d := dialer{nc: nc, host: host, o: o, prologue: newTranscript()}
	encrypted, greeting, err := d.greet()
	if !interrupt() {
		err = ctx.Err() // whatever came of it
	}
	if err != nil {
		nc.Close()
		if stream.IsClosed(err) || ctx.Err() != nil {
			err = fault.New(fault.Unavailable, "greeting %s: %w", host, err)
		}
		return nil, Greeting{}, err
	}
	return NewConn(encrypted), greeting, nil
}

// dialer is the client's side of a greeting.
type dialer struct {
	nc        net.Conn
	host      string
	o         DialOptions
	prologue  transcript
	nonce     [nonceSize]byte
	ephemeral *pqnoise.PrivateKey // of the present offer
}

func (d *dialer) greet() (net.Conn, Greeting, error) {
	rand.Read(d.nonce[:])
	offer := 0
	if d.o.encrypts() {
		offer = offerFor(d.o.MinEncryption)
	}
	hello, payload, err := d.hello(offer)
	if err != nil {
		return nil, Greeting{}, err
	}
	level := int(hello.Encryption)
	if err := d.accept(level, offer); err != nil {
		return nil, Greeting{}, err
	}
	if level == 0 {
		return d.clear(hello)
	}
	if fitting := offerFor(level); len(hello.Handshake) == 0 && fitting != offer {
		d.prologue.add(appendMessage(nil, ServerHello, payload))
		if hello, payload, err = d.hello(fitting); err != nil {
			return nil, Greeting{}, err
		}
	}
	if len(hello.Handshake) == 0 || int(hello.Encryption) != level {
		return nil, Greeting{}, fault.New(fault.BadMessage, "%s did not go on with the %d bit wire encryption that it chose", d.host, level)
	}
	return d.encrypt(pqnoise.Level(level), hello, payload)
}

// hello says ClientHello with a new key share and returns the answer with its
// encoded form.
func (d *dialer) hello(offer int) (*wirepb.ServerHello, []byte, error) {
	m := &wirepb.ClientHello{Version: Version, Agent: clipAgent(d.o.Agent), Encryption: uint32(d.o.MinEncryption), Nonce: d.nonce[:], Offer: uint32(offer)}
	if offer != 0 {
		var err error
		if d.ephemeral, err = pqnoise.Level(offer).KEM().GenerateKey(); err != nil {
			return nil, nil, err
		}
		m.KeyShare = d.ephemeral.Public()
	}
	payload, err := m.MarshalVT()
	if err != nil {
		return nil, nil, fault.New(fault.Internal, "encoding the hello: %w", err)
	}
	message := appendMessage(nil, ClientHello, payload)
	d.prologue.add(message)
	if _, err := d.nc.Write(message); err != nil {
		return nil, nil, err
	}
	answer, err := readMessage(d.nc)
	if err != nil {
		return nil, nil, err
	}
	hello, err := parseServerHello(answer)
	return hello, answer[helloHeader:], err
}

// accept checks the level that the server chose against what was offered.
func (d *dialer) accept(level, offer int) error {
	switch least := d.o.MinEncryption; {
	case level < least && level == 0:
		return fault.New(fault.WrongServer, "%s offers no wire encryption, and this client accepts no less than %d bit; if the server should not encrypt, say so with --no-wire-encryption", d.host, least)
	case level < least:
		return fault.New(fault.WrongServer, "%s offers %d bit wire encryption, and this client accepts no less than %d bit", d.host, level, least)
	case level > 0 && offer == 0:
		return fault.New(fault.Unsupported, "%s demands %d bit wire encryption, and this client offers none; dial with wire encryption", d.host, level)
	}
	return nil
}

// clear ends the greeting without encryption.
func (d *dialer) clear(hello *wirepb.ServerHello) (net.Conn, Greeting, error) {
	var server Server
	if len(hello.Identity) > 0 {
		public, err := identity.Parse(hello.Identity)
		if err != nil {
			return nil, Greeting{}, err
		}
		server.Fingerprint, server.Signing = public.Fingerprint(), public.Signing
	}
	if err := d.check(server); err != nil {
		return nil, Greeting{}, err
	}
	binding := clearBinding(d.nonce[:], hello.Nonce, server.Fingerprint)
	return d.nc, Greeting{Server: server, Agent: clipAgent(hello.Agent), Binding: binding}, nil
}

// encrypt ends the greeting with the handshake. payload is the encoded hello.
func (d *dialer) encrypt(level pqnoise.Level, hello *wirepb.ServerHello, payload []byte) (net.Conn, Greeting, error) {
	before, found := bytes.CutSuffix(payload, handshakeField(hello.Handshake))
	if !found {
		return nil, Greeting{}, fault.New(fault.BadMessage, "the handshake is not the last field of %s's hello", d.host)
	}
	d.prologue.addCut(before)
	initiator, err := pqnoise.Initiate(level, d.prologue, d.ephemeral, hello.Handshake)
	if err != nil {
		return nil, Greeting{}, err
	}
	disclosed, err := identity.ParseDisclosure(level.KEM(), initiator.Static(), initiator.Payload())
	if err != nil {
		return nil, Greeting{}, err
	}
	server := Server{Fingerprint: disclosed.Fingerprint, Signing: disclosed.Signing, Encryption: int(level), Proven: true}
	if err := d.check(server); err != nil {
		return nil, Greeting{}, err
	}
	message3, session, err := initiator.Finish()
	if err != nil {
		return nil, Greeting{}, err
	}
	if _, err := d.nc.Write(message3); err != nil {
		return nil, Greeting{}, err
	}
	binding := encryptedBinding(session, server.Fingerprint)
	return pqnoise.NewConn(d.nc, session), Greeting{Server: server, Agent: clipAgent(hello.Agent), Binding: binding}, nil
}

func (d *dialer) check(s Server) error {
	if d.o.CheckServer == nil {
		return nil
	}
	return d.o.CheckServer(s)
}
