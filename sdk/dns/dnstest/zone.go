package dnstest

import (
	"time"

	"github.com/miekg/dns"
)

// Zone is a zone. Its fields may be changed before the tree is asked, or within
// [Tree.Change].
type Zone struct {
	Name    string
	Records []dns.RR // all but keys, DS records and signatures

	Entry    *Key          // signs the keys; the DS record names it
	Own      *Key          // signs everything else
	MoreKeys []*dns.DNSKEY // that the zone shows as well
	DS       []dns.RR      // if not nil, what the zone above has as DS records
	Unsigned bool          // without keys, signatures and DS record

	// Alter, if not nil, changes a signature before it is made.
	Alter func(*dns.RRSIG)
}

// delegation returns the DS records that the zone above has of z.
func (z *Zone) delegation() []dns.RR {
	switch {
	case z.Unsigned:
		return nil
	case z.DS != nil:
		return z.DS
	}
	return []dns.RR{z.Entry.ToDS(dns.SHA256)}
}

// set returns the zone's records of a name and type, but not the DS records that
// other zones give it.
func (z *Zone) set(name string, qtype uint16) []dns.RR {
	var out []dns.RR
	if qtype == dns.TypeDNSKEY && name == z.Name {
		if z.Unsigned {
			return nil
		}
		out = append(out, z.Entry.DNSKEY)
		if z.Own != z.Entry {
			out = append(out, z.Own.DNSKEY)
		}
		for _, key := range z.MoreKeys {
			out = append(out, key)
		}
		return out
	}
	for _, rr := range z.Records {
		if h := rr.Header(); h.Rrtype == qtype && dns.CanonicalName(h.Name) == name {
			out = append(out, rr)
		}
	}
	return out
}

// Sign returns the signature of a record set by a key of the zone.
func (z *Zone) Sign(key *Key, set []dns.RR) (*dns.RRSIG, error) {
	now := time.Now()
	sig := &dns.RRSIG{
		Hdr:       dns.RR_Header{Name: set[0].Header().Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: set[0].Header().Ttl},
		Algorithm: key.Algorithm, KeyTag: key.KeyTag(), SignerName: z.Name,
		Inception: uint32(now.Add(-time.Hour).Unix()), Expiration: uint32(now.Add(24 * time.Hour).Unix()),
	}
	if z.Alter != nil {
		sig.TypeCovered = set[0].Header().Rrtype
		z.Alter(sig)
	}
	return sig, sig.Sign(key.Signer, set)
}

// signed returns a record set with its signature.
func (z *Zone) signed(set []dns.RR) ([]dns.RR, error) {
	if z.Unsigned || len(set) == 0 {
		return set, nil
	}
	key := z.Own
	if set[0].Header().Rrtype == dns.TypeDNSKEY {
		key = z.Entry
	}
	sig, err := z.Sign(key, set)
	return append(set[:len(set):len(set)], sig), err
}
