package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/gobwas/ws"

	"github.com/atedb/atedb/sdk/fault"
)

// dialTransport connects to a host. Anybody on the way can read the path.
func dialTransport(ctx context.Context, scheme, host, path string, o DialOptions) (net.Conn, error) {
	if o.DialContext == nil {
		o.DialContext = new(net.Dialer).DialContext
	}
	if scheme == "tcp" {
		return dialTCP(ctx, host, o)
	}
	dialer := ws.Dialer{Protocols: []string{Subprotocol}, TLSConfig: o.TLS, NetDial: o.DialContext}
	nc, buffered, hs, err := dialer.Dial(ctx, scheme+"://"+host+path)
	if err != nil {
		return nil, dialFault(host, err)
	}
	if hs.Protocol != Subprotocol {
		nc.Close()
		return nil, fault.New(fault.Unsupported, "%s does not speak the protocol %s", host, Subprotocol)
	}
	var received []byte
	if buffered != nil {
		if received, err = buffered.Peek(buffered.Buffered()); err != nil {
			nc.Close()
			return nil, fault.New(fault.Unavailable, "connecting to %s: %w", host, err)
		}
	}
	return newWebSocket(nc, ws.StateClientSide, received), nil
}

func dialTCP(ctx context.Context, host string, o DialOptions) (net.Conn, error) {
	nc, err := o.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, dialFault(host, err)
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
	if f := (*fault.Error)(nil); errors.As(err, &f) { // of a DialContext
		code := f.Code
		if code == fault.NotFound { // the host's address, not what is asked for there
			code = fault.Unavailable
		}
		return fault.New(code, "connecting to %s: %w", host, f)
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
