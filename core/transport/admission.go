package transport

import (
	"net"
	"net/netip"
	"sync"

	"github.com/atedb/atedb/sdk/fault"
)

// admission keeps the numbers of connections within their limits.
type admission struct {
	max, maxPerAddress int

	mu         sync.Mutex // guards what follows
	total      int
	perAddress map[netip.Prefix]int
}

// enter counts a connection until leave is called, or refuses it.
func (a *admission) enter(from net.Addr) (leave func(), err error) {
	network := networkOf(from)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.total >= a.max {
		return nil, fault.New(fault.Overloaded, "%d connections are open, which is the most allowed (limits.max_connections)", a.total)
	}
	if n := a.perAddress[network]; n >= a.maxPerAddress {
		return nil, fault.New(fault.Overloaded, "%d connections from %s are open, which is the most allowed (limits.max_connections_per_address)", n, network)
	}
	if a.perAddress == nil {
		a.perAddress = make(map[netip.Prefix]int)
	}
	a.total++
	a.perAddress[network]++
	return func() { a.leave(network) }, nil
}

func (a *admission) leave(network netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total--
	if a.perAddress[network]--; a.perAddress[network] == 0 {
		delete(a.perAddress, network)
	}
}

// networkOf returns what is likely one owner's: an IPv4 address, or an IPv6
// network of 64 bits.
func networkOf(addr net.Addr) netip.Prefix {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap()
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	network, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}
