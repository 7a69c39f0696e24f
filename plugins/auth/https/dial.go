package https

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// lookup is how names are looked up: what sdk/dns does.
type lookup interface {
	Addresses(ctx context.Context, host string) ([]netip.Addr, error)
}

// dialer connects to hosts at addresses that it has checked.
type dialer struct {
	lookup       lookup
	allowPrivate bool
	timeout      time.Duration // for connecting
	port         string        // instead of the one that is asked for; "" but in tests
}

// errNotPublic is wrapped by the error for a host that has no public address.
var errNotPublic = errors.New("it has no public address")

// DialContext looks the host of an address up, once, and connects to one of its
// addresses that may be connected to. It ends by itself, since net/http goes on
// with it when the question has ended.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	found, err := d.lookup.Addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	if d.port != "" {
		port = d.port
	}
	last := errNotPublic
	tried := 0
	for _, a := range found {
		if !d.may(a) {
			continue
		}
		if tried++; tried > maxAddresses || ctx.Err() != nil {
			break
		}
		conn, err := d.dial(ctx, network, a, port)
		if err == nil {
			return conn, nil
		}
		last = err
	}
	return nil, last
}

func (d *dialer) may(a netip.Addr) bool { return d.allowPrivate || isPublic(a) }

// dial connects to an address. The kernel's own view of it is checked once more,
// in case that it is another one than was meant.
func (d *dialer) dial(ctx context.Context, network string, a netip.Addr, port string) (net.Conn, error) {
	plain := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		if to, err := netip.ParseAddrPort(address); err != nil || !d.may(to.Addr()) {
			return errNotPublic
		}
		return nil
	}}
	return plain.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
}
