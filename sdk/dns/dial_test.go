package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/dns/dnstest"
	"github.com/atedb/atedb/sdk/fault"
)

func listen(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// A name is dialed at the addresses that the resolver finds; one that nobody
// listens at does not stop the next.
func TestDial(t *testing.T) {
	both(t, func(t *testing.T, tree *dnstest.Tree, r *Resolver) {
		tree.Zone("x.test.", "x.test. 300 IN AAAA ::1", "x.test. 300 IN A 127.0.0.1")
		port := listen(t)
		for _, host := range []string{"x.test", "localhost", "127.0.0.1"} {
			conn, err := r.DialContext(ctx(), "tcp", net.JoinHostPort(host, port))
			if err != nil {
				t.Fatalf("%s: %v", host, err)
			}
			if got := conn.RemoteAddr().String(); got != "127.0.0.1:"+port {
				t.Errorf("%s: connected to %s", host, got)
			}
			_ = conn.Close()
		}
		_, err := r.DialContext(ctx(), "tcp6", net.JoinHostPort("127.0.0.1", port))
		wantErr(t, "another family", err, fault.Unavailable, "no address for the network tcp6")
		_, err = r.DialContext(ctx(), "unix", "/x")
		wantErr(t, "another network", err, fault.BadRequest)
		_, err = r.DialContext(ctx(), "tcp", "x.test")
		wantErr(t, "no port", err, fault.BadRequest, "host:port")
		_, err = r.DialContext(ctx(), "tcp", "127.0.0.1:1")
		wantErr(t, "nobody listens", err, fault.Unavailable, "connecting to 127.0.0.1:1")
	})
}

// A host that is not proven is not dialed.
func TestDialRefused(t *testing.T) {
	tree := newTree(t)
	r := resolver(t, Config{Server: tree.Serve(t), Secure: true, Anchors: tree.AnchorsFile(t)})
	x := tree.Zone("x.test.", "x.test. 300 IN A 127.0.0.1")
	tree.Change(func() { x.Unsigned = true })
	_, err := r.DialContext(ctx(), "tcp", "x.test:"+listen(t))
	wantErr(t, "not signed", err, fault.Insecure, "x.test. is not signed")
}

// Families alternate, IPv6 first, and there is an end to it.
func TestAlternate(t *testing.T) {
	var in []netip.Addr
	for _, s := range []string{"1.1.1.1", "2.2.2.2", "3.3.3.3", "::1", "::2"} {
		in = append(in, netip.MustParseAddr(s))
	}
	for network, want := range map[string]string{
		"tcp": "::1 1.1.1.1 ::2 2.2.2.2 3.3.3.3", "tcp4": "1.1.1.1 2.2.2.2 3.3.3.3", "udp6": "::1 ::2",
	} {
		if got := strings.Join(texts(alternate(in, network)), " "); got != want {
			t.Errorf("%s: %s; want %s", network, got, want)
		}
	}
	if n := len(alternate(make([]netip.Addr, 100), "tcp")); n != maxAddresses {
		t.Errorf("%d addresses are dialed", n)
	}
}

// fakeConn says whether it was closed.
type fakeConn struct {
	net.Conn
	closed chan struct{}
}

func (c *fakeConn) Close() error {
	close(c.closed)
	return nil
}

// An address that hangs has a head start and no more; a connection that comes
// too late is closed, not leaked.
func TestRace(t *testing.T) {
	addresses := []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1")}
	late := &fakeConn{closed: make(chan struct{})}
	won := &fakeConn{closed: make(chan struct{})}
	begun := time.Now()
	conn, err := race(ctx(), addresses, func(ctx context.Context, a netip.Addr) (net.Conn, error) {
		if a.Is6() {
			<-ctx.Done()
			return late, nil
		}
		return won, nil
	})
	if err != nil || conn != won {
		t.Fatalf("%v, %v", conn, err)
	}
	if d := time.Since(begun); d < headStart || d > 10*headStart {
		t.Errorf("the second address was tried after %v", d)
	}
	select {
	case <-late.closed:
	case <-time.After(5 * time.Second):
		t.Error("the late connection is not closed")
	}
	select {
	case <-won.closed:
		t.Error("the connection that won is closed")
	default:
	}
}

// All that fail are tried without waiting, and the first error is returned; a
// caller that gives up ends it.
func TestRaceFails(t *testing.T) {
	var addresses []netip.Addr
	for i := range 5 {
		addresses = append(addresses, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
	}
	var mu sync.Mutex
	tried := 0
	begun := time.Now()
	_, err := race(ctx(), addresses, func(_ context.Context, a netip.Addr) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		tried++
		return nil, fmt.Errorf("nobody at %v", a)
	})
	if err == nil || err.Error() != "nobody at 10.0.0.0" || tried != 5 || time.Since(begun) > headStart {
		t.Errorf("%d tried in %v: %v", tried, time.Since(begun), err)
	}
	c, cancel := context.WithTimeout(ctx(), 20*time.Millisecond)
	defer cancel()
	_, err = race(c, addresses, func(ctx context.Context, _ netip.Addr) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("given up: %v", err)
	}
}
