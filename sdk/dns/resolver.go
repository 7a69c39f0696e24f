package dns

import (
	"context"
	"net/netip"
	"slices"
	"time"

	wire "github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/dns/dnssec"
	"github.com/atedb/atedb/sdk/dns/internal/expiring"
	"github.com/atedb/atedb/sdk/fault"
)

// Config says whom to ask and what to believe. The zero value asks the system's
// servers and believes them.
type Config struct {
	// Server is an IP address, with or without a port: 8.8.8.8, 127.0.0.1:5353,
	// 2001:db8::1, [2001:db8::1]:53. If empty, the servers that /etc/resolv.conf
	// names at the time of a query are asked.
	Server string
	// Secure believes only what DNSSEC proves from the root's anchors.
	Secure bool
	// Anchors is the absolute path of a file with DS records of the root, in the
	// form of a zone file. If empty, the root's own keys 20326 and 38696 count.
	Anchors string
}

// Resolver looks names up. Any number of goroutines may use it at once.
type Resolver struct {
	server    netip.AddrPort    // invalid: the system's
	validator *dnssec.Validator // nil: the server is believed
	cache     *expiring.Map[question, []wire.RR]

	tryTime    time.Duration
	hosts      string // path of the hosts file
	resolvConf string // path of the file that names the system's servers
}

// New returns a resolver. It asks nobody yet. Its errors are bad_config faults.
func New(c Config) (*Resolver, error) {
	r := &Resolver{
		cache:   expiring.NewMap[question, []wire.RR](maxCached),
		tryTime: tryTime, hosts: hostsPath(), resolvConf: "/etc/resolv.conf",
	}
	if c.Server != "" {
		server, ok := parseServer(c.Server)
		if !ok {
			return nil, fault.New(fault.BadConfig, `the DNS server is %q; it must be an IP address, such as "8.8.8.8", or one with a port, such as "[::1]:53"`, c.Server)
		}
		r.server = server
	}
	if !c.Secure {
		if c.Anchors != "" {
			return nil, fault.New(fault.BadConfig, "there is a file of trust anchors, %s, but DNSSEC is off; switch it on or leave the file out", c.Anchors)
		}
		return r, nil
	}
	anchors, err := loadAnchors(c.Anchors)
	if err != nil {
		return nil, err
	}
	r.validator = dnssec.New(anchors, r.exchange, time.Now)
	return r, nil
}

// Addresses returns the IPv4 and IPv6 addresses of host, at least one. If DNS
// has an answer for only one of the two families, that is all.
func (r *Resolver) Addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	name, err := canonical(host)
	if err != nil {
		return nil, err
	}
	if found := r.local(name); len(found) > 0 {
		return slices.Clone(found), nil
	}
	type result struct {
		found []netip.Addr
		err   error
	}
	other := make(chan result, 1)
	go func() {
		found, err := r.family(ctx, name, wire.TypeAAAA)
		other <- result{found, err}
	}()
	four, err := r.family(ctx, name, wire.TypeA)
	six := <-other
	if found := append(four, six.found...); len(found) > 0 {
		return found, nil
	}
	return nil, noAddress(host, err, six.err)
}

// noAddress says why neither family has an address, with the code of the error
// that leaves most open.
func noAddress(host string, four, six error) error {
	switch {
	case fault.Is(four, fault.NotFound) && fault.Is(six, fault.NotFound):
		return fault.New(fault.NotFound, "%s has no address in DNS", host)
	case fault.Is(four, fault.Insecure) && fault.Is(six, fault.Insecure):
		return fault.New(fault.Insecure, "%w; and %s", four, fault.From(six).Reason)
	case fault.Is(four, fault.NotFound), fault.Is(six, fault.Unavailable):
		return six
	}
	return four
}

// family returns the addresses of one family, at least one.
func (r *Resolver) family(ctx context.Context, name string, qtype uint16) ([]netip.Addr, error) {
	records, err := r.records(ctx, name, qtype)
	if err != nil {
		return nil, err
	}
	var found []netip.Addr
	for _, rr := range records {
		if a, ok := addressOf(rr); ok && !slices.Contains(found, a) {
			found = append(found, a)
		}
	}
	if len(found) == 0 {
		return nil, fault.New(fault.Unavailable, "%s has a record in DNS that is no address", name)
	}
	return found, nil
}

// TXT returns name's TXT records, at least one, with the strings of each joined.
// They may have any bytes.
func (r *Resolver) TXT(ctx context.Context, name string) ([]string, error) {
	name, err := canonical(name)
	if err != nil {
		return nil, err
	}
	if isLocalhost(name) {
		return nil, fault.New(fault.NotFound, "%s is this machine, of which DNS knows nothing", name)
	}
	records, err := r.records(ctx, name, wire.TypeTXT)
	if err != nil {
		return nil, err
	}
	texts := make([]string, 0, len(records))
	for _, rr := range records {
		if txt, ok := rr.(*wire.TXT); ok {
			texts = append(texts, textOf(txt))
		}
	}
	return texts, nil
}
