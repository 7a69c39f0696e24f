package dnssec

import (
	"context"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/dns/internal/expiring"
	"github.com/atedb/atedb/sdk/fault"
)

// Fetch asks a DNS server that resolves recursively, with the bits DO and CD
// set, and returns its answer: one with the code NOERROR or NXDOMAIN to just
// this question. The name is canonical. Validator believes nothing of what it
// returns and does not change it.
type Fetch func(ctx context.Context, name string, qtype uint16) (*dns.Msg, error)

// Validator proves records from trust anchors. Any number of goroutines may use
// it at once.
type Validator struct {
	fetch   Fetch
	anchors []*dns.DS
	now     func() time.Time
	zones   *expiring.Map[string, zone]
}

// New returns a validator that begins with the anchors, as [RootAnchors] and
// [ParseAnchors] return them, and takes the time from now.
func New(anchors []*dns.DS, fetch Fetch, now func() time.Time) *Validator {
	return &Validator{
		fetch: fetch, anchors: anchors, now: now,
		zones: expiring.NewMap[string, zone](maxZones),
	}
}

// Answer is proven records.
type Answer struct {
	Records []dns.RR  // of the name and type that was asked for; at least one
	Until   time.Time // when they stop being proven
}

// Lookup returns the records of a name and type, which are proven. The name is
// fully qualified, of letters, digits, '-' and '_'. An error is an insecure
// fault if there is no proof, and otherwise what Fetch returned.
func (v *Validator) Lookup(ctx context.Context, name string, qtype uint16) (Answer, error) {
	name = dns.CanonicalName(name)
	if strings.Contains(name, `\`) {
		return Answer{}, fault.New(fault.BadRequest, "the name %s has a character other than letters, digits, '-' and '_'", name)
	}
	l := &lookup{Validator: v, ctx: ctx, now: v.now()}
	answer, err := l.prove(name, qtype)
	if fault.Is(err, fault.Insecure) {
		what := rrset{name: name, qtype: qtype}
		return Answer{}, insecure("DNSSEC does not prove %s: %w", &what, err)
	}
	return answer, err
}

// lookup is one call of Lookup.
type lookup struct {
	*Validator
	ctx    context.Context
	now    time.Time
	checks int // signatures checked so far
}

func (l *lookup) prove(name string, qtype uint16) (Answer, error) {
	s, signer, err := l.signed(name, qtype)
	if err != nil {
		return Answer{}, err
	}
	until, err := l.proveBy(s, signer, 1)
	return Answer{Records: s.records, Until: until}, err
}

// signed fetches a set and returns it with the zone that its signatures name.
func (l *lookup) signed(name string, qtype uint16) (*rrset, string, error) {
	m, err := l.fetch(l.ctx, name, qtype)
	if err != nil {
		return nil, "", err
	}
	s, err := pick(m, name, qtype)
	if err != nil {
		return nil, "", err
	}
	signer, err := s.signer(l.now)
	return s, signer, err
}

// proveBy proves a set with the keys of the zone that signed it.
func (l *lookup) proveBy(s *rrset, signer string, depth int) (time.Time, error) {
	z, err := l.zone(signer, depth)
	if err != nil {
		return time.Time{}, err
	}
	until, reasons := l.verify(s, signer, z.keys, z.refused)
	if until.IsZero() {
		return until, insecure("%s is not signed by %s: %s", s, keysOf(signer), list(reasons))
	}
	return until, nil
}

func keysOf(zone string) string {
	if zone == "." {
		return "the root's keys"
	}
	return "the keys of " + zone
}

// zone returns a zone with its keys, which it proves from the root downward.
func (l *lookup) zone(name string, depth int) (zone, error) {
	if z, ok := l.zones.Get(name, l.now); ok {
		return z, nil
	}
	if depth > maxDepth {
		return zone{}, insecure("there are more than %d zones between %s and the root", maxDepth, name)
	}
	delegation, delegated, err := l.delegation(name, depth)
	if err != nil {
		return zone{}, err
	}
	s, _, err := l.signed(name, dns.TypeDNSKEY)
	if err != nil {
		return zone{}, err
	}
	entry, refused := entryKeys(s, delegation)
	until, reasons := l.verify(s, name, entry, refused)
	if until.IsZero() {
		return zone{}, insecure("%s is not signed by a key that %s names: %s", s, source(name), list(reasons))
	}
	if delegated.Before(until) {
		until = delegated
	}
	z := newZone(name, s.records)
	l.zones.Put(name, z, l.now, until)
	return z, nil
}

func source(zone string) string {
	if zone == "." {
		return "a trust anchor"
	}
	return "its DS record"
}

// delegation returns the DS records of a zone and until when they are proven;
// of the root, the anchors.
func (l *lookup) delegation(name string, depth int) ([]*dns.DS, time.Time, error) {
	if name == "." {
		return l.anchors, l.now.Add(maxAge), nil
	}
	s, parent, err := l.signed(name, dns.TypeDS)
	if err != nil {
		return nil, time.Time{}, err
	}
	until, err := l.proveBy(s, parent, depth+1)
	if err != nil {
		return nil, time.Time{}, err
	}
	var usable []*dns.DS
	var reasons []string
	for _, rr := range s.records {
		ds, ok := rr.(*dns.DS)
		if !ok {
			continue
		}
		if why := refuseDS(ds); why != "" {
			reasons = append(reasons, why)
		} else {
			usable = append(usable, ds)
		}
	}
	if len(usable) == 0 {
		return nil, time.Time{}, insecure("%s names no key that counts: it %s", s, list(reasons))
	}
	return usable, until, nil
}

// entryKeys returns the keys that the DS records name, and why others with the
// tags of those do not count. A key's SEP flag says nothing (RFC 4034 section
// 2.1.1): the DS record does.
func entryKeys(s *rrset, delegation []*dns.DS) (entry []*dns.DNSKEY, refused map[uint16]string) {
	refused = make(map[uint16]string)
	for _, rr := range s.records {
		key, ok := rr.(*dns.DNSKEY)
		if !ok {
			continue
		}
		tag := key.KeyTag()
		switch why := refuseKey(key); {
		case why != "":
			refused[tag] = why
		case !named(key, delegation):
			refused[tag] = "is not the one that " + source(s.name) + " names"
		case refuseSize(key, minEntryKeyBits) != "":
			refused[tag] = refuseSize(key, minEntryKeyBits)
		default:
			entry = append(entry, key)
		}
	}
	return entry, refused
}

// named reports whether one of the DS records names key.
func named(key *dns.DNSKEY, delegation []*dns.DS) bool {
	for _, ds := range delegation {
		if names(ds, key) {
			return true
		}
	}
	return false
}
