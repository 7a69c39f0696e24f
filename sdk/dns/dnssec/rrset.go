package dnssec

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/fault"
)

// rrset is the records of one name and type, and the signatures that are said to
// cover them. All are copies, and have the name as it was asked for.
type rrset struct {
	name       string // canonical
	qtype      uint16
	records    []dns.RR
	signatures []*dns.RRSIG
}

// String names the set in a sentence.
func (s *rrset) String() string {
	return "the " + dns.TypeToString[s.qtype] + " record of " + called(s.name)
}

// called names a zone in a sentence.
func called(name string) string {
	if name == "." {
		return "the root"
	}
	return name
}

// pick takes the records of a name and type, and their signatures, out of an
// answer. It judges no signature.
func pick(m *dns.Msg, name string, qtype uint16) (*rrset, error) {
	s := &rrset{name: name, qtype: qtype}
	if m.Rcode != dns.RcodeSuccess {
		return nil, insecure("the server answers %s to the question for %s, which proves nothing", rcode(m.Rcode), s)
	}
	if len(m.Answer) > maxAnswer {
		return nil, insecure("the answer to the question for %s has %d records; at most %d are read", s, len(m.Answer), maxAnswer)
	}
	for _, rr := range m.Answer {
		if err := s.take(rr); err != nil {
			return nil, err
		}
	}
	switch {
	case len(s.records) == 0:
		return nil, insecure("the server gives nothing for %s, and nothing proves that there is none", s)
	case len(s.signatures) == 0:
		return nil, insecure("%s is not signed", s)
	}
	return s, nil
}

// take adds a record of an answer to the set if it belongs there.
func (s *rrset) take(rr dns.RR) error {
	h := rr.Header()
	if h.Class != dns.ClassINET {
		return nil
	}
	if h.Rrtype == dns.TypeCNAME || h.Rrtype == dns.TypeDNAME {
		return insecure("%s is behind an alias (%s), and aliases are not followed when DNSSEC must prove the answer", s, dns.TypeToString[h.Rrtype])
	}
	if dns.CanonicalName(h.Name) != s.name {
		return nil
	}
	rr = dns.Copy(rr)
	rr.Header().Name = s.name
	switch sig, isSig := rr.(*dns.RRSIG); {
	case h.Rrtype == s.qtype:
		if len(s.records) == maxRecords {
			return insecure("%s has more than %d records", s, maxRecords)
		}
		if !s.has(rr) {
			s.records = append(s.records, rr)
		}
	case isSig && sig.TypeCovered == s.qtype:
		if len(s.signatures) == maxSignatures {
			return insecure("%s has more than %d signatures, as in an attempt to wear the validator out", s, maxSignatures)
		}
		s.signatures = append(s.signatures, sig)
	}
	return nil
}

func (s *rrset) has(rr dns.RR) bool {
	for _, r := range s.records {
		if dns.IsDuplicate(r, rr) {
			return true
		}
	}
	return false
}

// contains reports whether child is parent or a name under it. Both are
// canonical, and child has no escapes.
func contains(parent, child string) bool {
	return parent == "." || parent == child || strings.HasSuffix(child, "."+parent)
}

func rcode(code int) string {
	if name, ok := dns.RcodeToString[code]; ok {
		return name
	}
	return "with an unknown code"
}

func insecure(format string, args ...any) error { return fault.New(fault.Insecure, format, args...) }
