package dns

import (
	"net/netip"
	"strings"

	wire "github.com/miekg/dns"
)

// addressOf returns the address in an A or AAAA record.
func addressOf(rr wire.RR) (netip.Addr, bool) {
	var octets []byte
	switch rr := rr.(type) {
	case *wire.A:
		octets = rr.A
	case *wire.AAAA:
		octets = rr.AAAA
	}
	a, ok := netip.AddrFromSlice(octets)
	return a.Unmap(), ok
}

// textOf returns the strings of a TXT record, joined. The library has them with
// escapes: \" and \\, and \123 for a byte that is not printable.
func textOf(txt *wire.TXT) string {
	var out strings.Builder
	for _, s := range txt.Txt {
		for i := 0; i < len(s); i++ {
			c := s[i]
			if c == '\\' && i+1 < len(s) {
				i++
				c = s[i]
				if digit(c) && i+2 < len(s) && digit(s[i+1]) && digit(s[i+2]) {
					c = (c-'0')*100 + (s[i+1]-'0')*10 + s[i+2] - '0'
					i += 2
				}
			}
			out.WriteByte(c)
		}
	}
	return out.String()
}
