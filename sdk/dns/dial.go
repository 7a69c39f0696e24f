package dns

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// DialContext connects like a net.Dialer, by TCP or UDP, to an address whose
// host it looks up with r. It tries the host's addresses, 16 at most, in turn,
// IPv6 and IPv4 alternating: the next one 250 ms after the one before it, or at
// once when that fails. The first connection is returned.
func (r *Resolver) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if !strings.HasPrefix(network, "tcp") && !strings.HasPrefix(network, "udp") {
		return nil, fault.New(fault.BadRequest, "the network %q is neither TCP nor UDP", network)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fault.New(fault.BadRequest, "%q is not an address; write host:port", address)
	}
	found, err := r.Addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	addresses := alternate(found, network)
	if len(addresses) == 0 {
		return nil, fault.New(fault.Unavailable, "%s has no address for the network %s", host, network)
	}
	conn, err := race(ctx, addresses, func(ctx context.Context, a netip.Addr) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(a.String(), port))
	})
	if err != nil {
		return nil, fault.New(fault.Unavailable, "connecting to %s: %w", address, err)
	}
	return conn, nil
}

// alternate orders addresses for dialing, IPv6 first, and leaves out those that
// the network, such as tcp4, is not for.
func alternate(addresses []netip.Addr, network string) []netip.Addr {
	var six, four, out []netip.Addr
	for _, a := range addresses {
		if a.Is4() && !strings.HasSuffix(network, "6") {
			four = append(four, a)
		} else if !a.Is4() && !strings.HasSuffix(network, "4") {
			six = append(six, a)
		}
	}
	for i := 0; len(out) < maxAddresses && i < max(len(six), len(four)); i++ {
		if i < len(six) {
			out = append(out, six[i])
		}
		if i < len(four) {
			out = append(out, four[i])
		}
	}
	return out
}

type dialed struct {
	conn net.Conn
	err  error
}

// race dials the addresses, of which there is one at least, each with its head
// start, and returns the first connection or the first error. Connections that
// come too late are closed.
func race(ctx context.Context, addresses []netip.Addr, dial func(context.Context, netip.Addr) (net.Conn, error)) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan dialed, len(addresses)) // so that no dial waits for its reader
	begun, ended := 0, 0
	begin := func() {
		a := addresses[begun]
		begun++
		go func() {
			conn, err := dial(ctx, a)
			results <- dialed{conn, err}
		}()
	}
	begin()
	next := time.NewTicker(headStart)
	defer next.Stop()
	var first error
	for {
		select {
		case <-next.C:
			if begun < len(addresses) {
				begin()
			}
			continue
		case d := <-results:
			ended++
			if d.err == nil {
				go closeLate(results, begun-ended)
				return d.conn, nil
			}
			if first == nil {
				first = d.err
			}
		}
		if ctx.Err() != nil || ended == len(addresses) {
			go closeLate(results, begun-ended)
			return nil, first
		}
		if begun < len(addresses) {
			next.Reset(headStart)
			begin()
		}
	}
}

// closeLate closes the connections among the next n results.
func closeLate(results <-chan dialed, n int) {
	for range n {
		if d := <-results; d.conn != nil {
			_ = d.conn.Close()
		}
	}
}
