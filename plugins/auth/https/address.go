package https

import "net/netip"

// special are the blocks among the unicast addresses that are not public: those
// of the IANA registries of special-purpose addresses (RFC 6890) that netip does
// not know, and those in which another address may hide.
var special = prefixes(
	"0.0.0.0/8",       // this network
	"100.64.0.0/10",   // shared by a carrier's customers
	"192.0.0.0/24",    // protocols
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays, which are no more
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"240.0.0.0/4",     // reserved
	"2001::/23",       // protocols: among them Teredo, with an IPv4 address inside
	"2001:db8::/32",   // documentation
	"2002::/16",       // 6to4, with an IPv4 address inside
	"3fff::/20",       // documentation
)

// global6 is what of IPv6 is given out as public. It has neither mapped nor
// translated IPv4 addresses, nor unique local ones.
var global6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParsePrefix(text)
	}
	return out
}

// isPublic reports whether an address is one that anybody's packets reach: not
// this machine's, its network's or its cloud's own.
func isPublic(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Zone() != "" {
		return false
	}
	if a.Is6() && !global6.Contains(a) {
		return false
	}
	for _, block := range special {
		if block.Contains(a) {
			return false
		}
	}
	return true
}
