package dnssec

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const day = "2006-01-02 15:04:05 MST"

// refuseSignature says why a signature cannot count for the set, whatever the
// key; "" if a key of the zone that it names has to be asked.
func (s *rrset) refuseSignature(sig *dns.RRSIG, now time.Time) string {
	switch {
	case !supported(sig.Algorithm):
		return "its signature is of algorithm " + number(sig.Algorithm) + "; only 8, 13, 14 and 15 are believed"
	case int(sig.Labels) != dns.CountLabel(s.name):
		return "its signature is one of a wildcard, which proves nothing for this name alone"
	case !s.maySign(dns.CanonicalName(sig.SignerName)):
		return "its signer " + sig.SignerName + " is not the zone that it is in"
	}
	// Times are serial numbers of 32 bits (RFC 4034 section 3.1.5, RFC 1982), so
	// each is taken relative to now.
	inception := now.Add(time.Duration(int32(sig.Inception-serial(now))) * time.Second)
	expiration := expires(sig, now)
	switch {
	case expiration.Before(inception):
		return "its signature expires before it begins"
	case now.Before(inception):
		return "its signature is valid only from " + inception.UTC().Format(day) + " on (it is " + now.UTC().Format(day) + " here)"
	case now.After(expiration):
		return "its signature expired on " + expiration.UTC().Format(day) + " (it is " + now.UTC().Format(day) + " here)"
	}
	return ""
}

// maySign reports whether the zone signer can be the one that has the set: the
// parent of a DS record, the zone itself of its keys, and otherwise any zone at
// the name or above it.
func (s *rrset) maySign(signer string) bool {
	switch s.qtype {
	case dns.TypeDNSKEY:
		return signer == s.name
	case dns.TypeDS:
		return signer != s.name && contains(signer, s.name)
	}
	return contains(signer, s.name)
}

// serial is a time as signatures have it, without fractions of a second.
func serial(t time.Time) uint32 { return uint32(t.Unix()) }

func expires(sig *dns.RRSIG, now time.Time) time.Time {
	return now.Add(time.Duration(int32(sig.Expiration-serial(now))) * time.Second)
}

// signer returns the zone that signed the set, or an error that says why none of
// the signatures can count. Of several zones it is the one nearest to the name.
func (s *rrset) signer(now time.Time) (string, error) {
	signer := ""
	var reasons []string
	for _, sig := range s.signatures {
		if why := s.refuseSignature(sig, now); why != "" {
			reasons = append(reasons, why)
		} else if name := dns.CanonicalName(sig.SignerName); len(name) > len(signer) {
			signer = name
		}
	}
	if signer == "" {
		return "", insecure("%s is not signed by %s: %s", s, s.rightful(), list(reasons))
	}
	return signer, nil
}

// rightful says in a sentence whose keys would have to sign the set when that is
// not known from its signatures.
func (s *rrset) rightful() string {
	switch s.qtype {
	case dns.TypeDNSKEY:
		return "the key that the DS record of " + called(s.name) + " names"
	case dns.TypeDS:
		if labels := dns.SplitDomainName(s.name); len(labels) == 1 {
			return "the root's keys"
		}
	}
	return "the keys of a zone above it"
}

// list joins reasons, each once, and no more than three.
func list(reasons []string) string {
	var out []string
	for _, why := range reasons {
		if len(out) == 3 {
			break
		}
		if !strings.Contains(strings.Join(out, "; "), why) {
			out = append(out, why)
		}
	}
	return strings.Join(out, "; ")
}

// verify checks the set's signatures with the keys, which belong to the zone
// signer, until one is good. It returns the time until which the set is proven,
// or the reasons why it is not.
func (l *lookup) verify(s *rrset, signer string, keys []*dns.DNSKEY, refused map[uint16]string) (time.Time, []string) {
	var reasons []string
	checks := 0
	for _, sig := range s.signatures {
		if why := s.refuseSignature(sig, l.now); why != "" {
			reasons = append(reasons, why)
			continue
		}
		if dns.CanonicalName(sig.SignerName) != signer {
			continue
		}
		tried := 0
		for _, key := range keys {
			if key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm {
				continue
			}
			if tried++; tried > maxKeysTried {
				reasons = append(reasons, fmt.Sprintf("more than %d keys have the tag %d, as in an attempt to wear the validator out", maxKeysTried, sig.KeyTag))
				break
			}
			if checks++; checks > maxSetChecks || l.checks >= maxChecks {
				return time.Time{}, append(reasons, "more signatures would have to be checked than the look-up may cost")
			}
			l.checks++
			if signatureFits(sig) && sig.Verify(key, s.records) == nil {
				return s.until(sig, l.now), nil
			}
			reasons = append(reasons, fmt.Sprintf("its signature by the key %d does not match", sig.KeyTag))
		}
		if tried == 0 {
			reasons = append(reasons, absent(sig, refused))
		}
	}
	return time.Time{}, reasons
}

// absent says why no key could check a signature.
func absent(sig *dns.RRSIG, refused map[uint16]string) string {
	if why := refused[sig.KeyTag]; why != "" {
		return fmt.Sprintf("its key %d %s", sig.KeyTag, why)
	}
	return fmt.Sprintf("its signature is by the key %d, which is none of them", sig.KeyTag)
}

// signatureFits reports whether a signature has the length that its algorithm
// gives it; of RSA, the check itself sees to that.
func signatureFits(sig *dns.RRSIG) bool {
	octets, err := base64.StdEncoding.DecodeString(sig.Signature)
	if err != nil {
		return false
	}
	switch sig.Algorithm {
	case dns.ECDSAP256SHA256, dns.ED25519:
		return len(octets) == 64
	case dns.ECDSAP384SHA384:
		return len(octets) == 96
	}
	return true
}

// until returns the time until which the set may be kept (RFC 4035 section
// 5.3.3): the least of what its records, its signature and the signed TTL say,
// and never longer than the signature is valid.
func (s *rrset) until(sig *dns.RRSIG, now time.Time) time.Time {
	least := min(ttl(sig.OrigTtl), ttl(sig.Hdr.Ttl))
	for _, rr := range s.records {
		least = min(least, ttl(rr.Header().Ttl))
	}
	until := now.Add(least)
	if end := expires(sig, now); end.Before(until) {
		return end
	}
	return until
}

// ttl is a TTL as RFC 2181 section 8 reads it: with the first bit set, zero.
func ttl(seconds uint32) time.Duration {
	if seconds > 1<<31-1 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxAge)
}
