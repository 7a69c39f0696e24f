package dns

import (
	"net/netip"

	wire "github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/fault"
)

const defaultPort = 53

// parseServer reads the address of a server, with or without a port.
func parseServer(s string) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a, defaultPort), true
	}
	ap, err := netip.ParseAddrPort(s)
	return ap, err == nil && ap.Port() != 0
}

// servers returns whom to ask, at least one.
func (r *Resolver) servers() ([]netip.AddrPort, error) {
	if r.server.IsValid() {
		return []netip.AddrPort{r.server}, nil
	}
	system, err := wire.ClientConfigFromFile(r.resolvConf)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "no DNS server is set and the system's are not known: %w; set one", err)
	}
	var servers []netip.AddrPort
	for _, s := range system.Servers {
		if server, ok := parseServer(s); ok && len(servers) < maxServers {
			servers = append(servers, server)
		}
	}
	if len(servers) == 0 {
		return nil, fault.New(fault.Unavailable, "no DNS server is set and %s names none; set one", r.resolvConf)
	}
	return servers, nil
}
