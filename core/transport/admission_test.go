package transport

import (
	"net"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
)

func tcp(ip string, port int) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: port} }

// TestAdmission counts connections: in all, and for what is likely one owner's,
// whatever the port, the spelling of an IPv4 address or the half of an IPv6
// address that anyone can choose.
func TestAdmission(t *testing.T) {
	a := admission{max: 5, maxPerAddress: 2}
	enter := func(addr net.Addr, admitted bool) func() {
		t.Helper()
		leave, err := a.enter(addr)
		if (err == nil) != admitted || err != nil && !fault.Is(err, fault.Overloaded) {
			t.Errorf("%s: %v", addr, err)
		}
		return leave
	}
	leave := enter(tcp("192.0.2.1", 1), true)
	enter(tcp("::ffff:192.0.2.1", 2), true)
	enter(tcp("192.0.2.1", 3), false)
	leave()
	enter(tcp("192.0.2.1", 3), true)
	enter(tcp("2001:db8::1", 1), true)
	leave6 := enter(tcp("2001:db8::ffff:1", 1), true)
	enter(tcp("2001:db8::2:2", 1), false)
	enter(tcp("2001:db8:0:1::1", 1), true)
	enter(tcp("192.0.2.2", 1), false) // five are open
	leave6()
	enter(tcp("192.0.2.2", 1), true)
}

// TestAdmissionForgets leaves nothing behind of addresses that have gone.
func TestAdmissionForgets(t *testing.T) {
	a := admission{max: 10, maxPerAddress: 10}
	for _, ip := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"} {
		leave, err := a.enter(tcp(ip, 1))
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	if len(a.perAddress) > 0 || a.total != 0 {
		t.Errorf("%d addresses and %d connections are remembered", len(a.perAddress), a.total)
	}
}
