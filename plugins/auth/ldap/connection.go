package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/atedb/atedb/sdk/fault"
)

// connection is one to the directory, logged in. Several goroutines may search
// with it at once.
type connection struct {
	*goldap.Conn
	bounds *boundedConn
	raw    net.Conn // under TLS
}

// close ends the connection and every search on it. Whoever still reads from or
// writes to the network is stopped first: the library and TLS would wait for him.
func (c *connection) close() {
	_ = c.raw.Close()
	_ = c.Conn.Close()
}

// errRefused is what a login ends with that the directory does not accept.
var errRefused = errors.New("the login is refused")

// dialer makes connections to the directory.
type dialer struct {
	server  server
	timeout time.Duration // of a question
	connect func(ctx context.Context, network, address string) (net.Conn, error)
}

// dial connects, sees to TLS and logs in. Its error wraps errRefused if only the
// last fails, and holds no secret.
func (d *dialer) dial(ctx context.Context) (*connection, error) {
	password, err := d.server.password()
	if err != nil {
		return nil, err
	}
	raw, err := d.connect(ctx, "tcp", d.server.address)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "connecting: %w", err)
	}
	// Whatever follows is over when ctx is.
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	c, err := d.login(ctx, raw, password)
	if !stop() && err == nil {
		c.close()
		err = ctx.Err()
	}
	if err != nil {
		_ = raw.Close()
		if cause := ctx.Err(); cause != nil {
			err = fault.New(fault.Unavailable, "logging in: %w", cause)
		}
		return nil, err
	}
	return c, nil
}

func (d *dialer) login(ctx context.Context, raw net.Conn, password string) (*connection, error) {
	secured, err := d.secure(ctx, raw)
	if err != nil {
		return nil, err
	}
	bounds := newBoundedConn(secured, d.timeout)
	c := &connection{goldap.NewConn(bounds, d.server.security != plaintext), bounds, raw}
	c.SetTimeout(d.timeout + time.Second) // for who does not wait any more
	c.Start()
	if err := c.bind(d.server.bindDN, password); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// secure puts TLS over the connection, as the configuration has it. There is no
// way from a failure to going on without.
func (d *dialer) secure(ctx context.Context, raw net.Conn) (net.Conn, error) {
	switch d.server.security {
	case plaintext:
		return raw, nil
	case startTLS:
		if err := requestTLS(raw); err != nil {
			return nil, err
		}
	}
	roots, err := d.server.roots()
	if err != nil {
		return nil, err
	}
	secured := tls.Client(raw, &tls.Config{ServerName: d.server.host, RootCAs: roots, MinVersion: tls.VersionTLS12})
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, fault.New(fault.Unavailable, "securing the connection by TLS: %w", err)
	}
	return secured, nil
}

// startTLSName is the request for TLS (RFC 4511, section 4.14.1).
const startTLSName = "1.3.6.1.4.1.1466.20037"

// requestTLS asks for TLS and reads the reply, and not a byte more: what
// somebody slips in behind it would be taken for a part of the handshake, which
// then fails.
func requestTLS(raw net.Conn) error {
	const id = 1
	request := ber.NewSequence("LDAPMessage")
	request.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, "messageID"))
	operation := ber.Encode(ber.ClassApplication, ber.TypeConstructed, goldap.ApplicationExtendedRequest, nil, "ExtendedRequest")
	operation.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, startTLSName, "requestName"))
	request.AppendChild(operation)
	if _, err := raw.Write(request.Bytes()); err != nil {
		return fault.New(fault.Unavailable, "asking for TLS: %w", err)
	}
	encoded, err := readMessage(raw)
	if err != nil {
		return fault.New(fault.Unavailable, "asking for TLS: %w", err)
	}
	reply, err := ber.DecodePacketErr(encoded)
	if err != nil || len(reply.Children) < 2 || reply.Children[0].Value != int64(id) || reply.Children[1].Tag != goldap.ApplicationExtendedResponse {
		return fault.New(fault.Unavailable, "asking for TLS: the reply is not one to the question")
	}
	if err := goldap.GetLDAPError(reply); err != nil {
		return fault.New(fault.Unavailable, "asking for TLS: the directory declines (%s); nothing goes to it without", resultName(err))
	}
	return nil
}

// bind logs in. What the server says about it beyond its code may repeat the
// password, and is left out.
func (c *connection) bind(dn, password string) error {
	if dn == "" {
		return nil // who does not log in is nobody
	}
	err := c.Bind(dn, password)
	switch {
	case err == nil:
		return nil
	case isResult(err, goldap.LDAPResultBusy, goldap.LDAPResultUnavailable):
		return fault.New(fault.Unavailable, "logging in: not now (%s)", resultName(err))
	case isResult(err):
		return fault.New(fault.Unavailable, "%w (%s)", errRefused, resultName(err))
	}
	return fault.New(fault.Unavailable, "logging in: %w", c.cause(err))
}

// cause is why the connection failed: the bound that the directory broke, if it
// broke one, which the library does not pass on.
func (c *connection) cause(err error) error {
	if breach := c.bounds.breach(); breach != nil {
		return breach
	}
	var failure *goldap.Error
	if errors.As(err, &failure) && failure.Err != nil {
		err = failure.Err
	}
	return fault.New(fault.Unavailable, "the connection has ended: %w", err)
}
