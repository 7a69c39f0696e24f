package dnstest

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Answer returns the answer to a question, as a server sends it that was asked
// for signatures too.
func (tree *Tree) Answer(name string, qtype uint16) *dns.Msg {
	query := new(dns.Msg)
	query.SetQuestion(dns.CanonicalName(name), qtype)
	query.SetEdns0(dns.MaxMsgSize, true)
	return tree.reply("", query)
}

// reply returns what is sent over a network; nil for nothing.
func (tree *Tree) reply(network string, query *dns.Msg) *dns.Msg {
	tree.mu.Lock()
	defer tree.mu.Unlock()
	tree.queries++
	m := new(dns.Msg)
	m.SetReply(query)
	m.RecursionAvailable = true
	if len(query.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
		return m
	}
	size, secure := dns.MinMsgSize, false
	if opt := query.IsEdns0(); opt != nil {
		size, secure = int(opt.UDPSize()), opt.Do()
		m.SetEdns0(uint16(size), secure)
	}
	if err := tree.answerLocked(m, secure); err != nil {
		tree.t.Errorf("dnstest: answering %v: %v", query.Question[0], err)
		m.Rcode = dns.RcodeServerFailure
	}
	m = m.Copy() // so that what meddles with it does not change the zones
	if network == "udp" {
		m.Truncate(size)
	}
	if tree.meddle != nil {
		return tree.meddle(network, query, m)
	}
	return m
}

// answerLocked fills an answer in. Aliases are followed.
func (tree *Tree) answerLocked(m *dns.Msg, secure bool) error {
	name, qtype := dns.CanonicalName(m.Question[0].Name), m.Question[0].Qtype
	for range 10 {
		z := tree.zoneOf(name, qtype)
		set, sigOwner := tree.find(z, name, qtype)
		alias := len(set) == 0 && qtype != dns.TypeCNAME
		if alias {
			set, sigOwner = tree.find(z, name, dns.TypeCNAME)
		}
		if len(set) == 0 {
			if !tree.exists(name) {
				m.Rcode = dns.RcodeNameError
			}
			soa, err := dns.NewRR(fmt.Sprintf("%s 60 IN SOA . . 1 60 60 60 60", z.Name))
			m.Ns = append(m.Ns, soa)
			return err
		}
		if secure {
			var err error
			if set, err = z.signed(set); err != nil {
				return err
			}
		}
		for _, rr := range set {
			rr = dns.Copy(rr)
			if sigOwner != name {
				rr.Header().Name = name
			}
			m.Answer = append(m.Answer, rr)
		}
		if !alias {
			return nil
		}
		name = dns.CanonicalName(set[0].(*dns.CNAME).Target)
	}
	return nil
}

// zoneOf returns the zone that has the records of a name; of its DS records,
// the one above.
func (tree *Tree) zoneOf(name string, qtype uint16) *Zone {
	best := tree.zones["."]
	for _, z := range tree.zones {
		if dns.IsSubDomain(z.Name, name) && len(z.Name) > len(best.Name) && (qtype != dns.TypeDS || z.Name != name) {
			best = z
		}
	}
	return best
}

// find returns a record set of a zone and the name that its records have there,
// which is a wildcard's if nothing else matches.
func (tree *Tree) find(z *Zone, name string, qtype uint16) ([]dns.RR, string) {
	if child := tree.zones[name]; qtype == dns.TypeDS && child != nil && name != "." {
		return child.delegation(), name
	}
	if set := z.set(name, qtype); len(set) > 0 || tree.exists(name) {
		return set, name
	}
	for rest := name; rest != z.Name; {
		_, rest, _ = strings.Cut(rest, ".")
		wildcard := strings.TrimSuffix("*."+rest, ".") + "."
		if set := z.set(wildcard, qtype); len(set) > 0 {
			return set, wildcard
		}
		if rest == "" {
			break
		}
	}
	return nil, name
}

// exists reports whether there is a name: a zone, a record, or something below.
func (tree *Tree) exists(name string) bool {
	for _, z := range tree.zones {
		if dns.IsSubDomain(name, z.Name) {
			return true
		}
		for _, rr := range z.Records {
			if dns.IsSubDomain(name, rr.Header().Name) {
				return true
			}
		}
	}
	return false
}
