package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/gobwas/ws"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// dialTransport connects to a URL's host. A WebSocket's request names the chain
// only where nothing will be encrypted, since anybody on the way can read it.
func dialTransport(ctx context.Context, u chainname.URL, o DialOptions) (net.Conn, error) {
	if u.Scheme == "tcp" {
		return dialTCP(ctx, u.Host)
	}
	name := u.Name
	if o.encrypts() {
		name = ""
	}
	dialer := ws.Dialer{Protocols: []string{Subprotocol}, TLSConfig: o.TLS}
	nc, buffered, hs, err := dialer.Dial(ctx, u.Scheme+"://"+u.Host+chainname.URLPrefix+name.String())
	if err != nil {
		return nil, dialFault(u.Host, err)
	}
	if hs.Protocol != Subprotocol {
		nc.Close()
		return nil, fault.New(fault.Unsupported, "%s does not speak the protocol %s", u.Host, Subprotocol)
	}
	var received []byte
	if buffered != nil {
		if received, err = buffered.Peek(buffered.Buffered()); err != nil {
			nc.Close()
			return nil, fault.New(fault.Unavailable, "connecting to %s: %w", u.Host, err)
		}
	}
	return newWebSocket(nc, ws.StateClientSide, received), nil
}

func dialTCP(ctx context.Context, host string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "connecting to %s: %w", host, err)
	}
	if _, err := nc.Write([]byte(Preface)); err != nil {
		nc.Close()
		return nil, fault.New(fault.Unavailable, "greeting %s: %w", host, err)
	}
	return nc, nil
}

func dialFault(host string, err error) error {
	var status ws.StatusError
	if errors.As(err, &status) {
		return fault.New(fault.Unavailable, "%s answered with HTTP status %d instead of accepting a WebSocket; is it an AteDB server?", host, int(status))
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return fault.New(fault.UnknownServer, "the TLS certificate of %s is not good: %w; trust its issuer, or use ws:// with wire encryption", host, certificate)
	}
	return fault.New(fault.Unavailable, "connecting to %s: %w", host, innermost(err))
}

// innermost returns the network's own error, which says what a person wants to
// know without the layers above it.
func innermost(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	return err
}
