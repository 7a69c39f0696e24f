package dnssec_test

import (
	"encoding/base64"
	"testing"

	"github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/dns/dnstest"
)

// Keys that must count for nothing, whatever they sign. Each attack is named by
// the rule that stops it; the signatures themselves are good.
func TestKeyAttacks(t *testing.T) {
	own := func(flags uint16, algorithm uint8, bits int) func(*world) {
		return func(w *world) { w.x.Own = w.key(w.x, flags, algorithm, bits) }
	}
	entry := func(flags uint16, algorithm uint8, bits int) func(*world) {
		return func(w *world) { w.x.Entry = w.key(w.x, flags, algorithm, bits) }
	}
	for name, a := range map[string]struct {
		mount func(*world)
		words []string
	}{
		"revoked key signs a record": {own(dns.ZONE|dns.REVOKE, dns.ECDSAP256SHA256, 256),
			[]string{"the TXT record of x.test. is not signed by the keys of x.test.", "is revoked"}},
		"revoked key signs the keys": {entry(dns.ZONE|dns.SEP|dns.REVOKE, dns.ECDSAP256SHA256, 256),
			[]string{"the DNSKEY record of x.test. is not signed", "is revoked"}},
		"key of no zone signs a record": {own(0, dns.ECDSAP256SHA256, 256), []string{"the TXT record", "is no zone key"}},
		"key of no zone signs the keys": {entry(dns.SEP, dns.ECDSAP256SHA256, 256), []string{"the DNSKEY record", "is no zone key"}},
		"protocol other than 3": {func(w *world) {
			own(dns.ZONE, dns.ECDSAP256SHA256, 256)(w)
			w.x.Own.Protocol = 2
		}, []string{"has protocol 2 instead of 3"}},
		"RSA/SHA-1":                        {own(dns.ZONE, dns.RSASHA1, 2048), []string{"its signature is of algorithm 5"}},
		"RSA/SHA-1 for NSEC3":              {own(dns.ZONE, dns.RSASHA1NSEC3SHA1, 2048), []string{"of algorithm 7"}},
		"RSA/SHA-512":                      {own(dns.ZONE, dns.RSASHA512, 2048), []string{"of algorithm 10"}},
		"delegation to a key of RSA/SHA-1": {entry(dns.ZONE, dns.RSASHA1, 2048), []string{"the DS record of x.test. names no key that counts", "algorithm 5"}},
		"short RSA key that stands for years": {entry(dns.ZONE, dns.RSASHA256, 1024),
			[]string{"the DNSKEY record of x.test.", "is an RSA key of 1024 bits; it must have 2048"}},
		"SHA-1 DS": {func(w *world) { rehash(w.x, dns.SHA1) },
			[]string{"the DS record of x.test. names no key that counts: it has a digest of type 1"}},
		"DS of another key": {func(w *world) {
			w.x.DS = []dns.RR{w.key(w.x, dnstest.EntryKey, dns.ECDSAP256SHA256, 256).ToDS(dns.SHA256)}
		}, []string{"the DNSKEY record of x.test. is not signed by a key that its DS record names"}},
		"DS with the right tag and another digest": {func(w *world) {
			rehash(w.x, dns.SHA256)
			w.x.DS[0].(*dns.DS).Digest = w.test.Entry.ToDS(dns.SHA256).Digest
		}, []string{"is not the one that its DS record names"}},
		"DS with the right digest and another tag": {func(w *world) {
			rehash(w.x, dns.SHA256)
			w.x.DS[0].(*dns.DS).KeyTag++
		}, []string{"is not the one that its DS record names"}},
		"DS with the right digest and another algorithm": {func(w *world) {
			rehash(w.x, dns.SHA256)
			w.x.DS[0].(*dns.DS).Algorithm = dns.ED25519
		}, []string{"is not the one that its DS record names"}},
		"DS with a short digest": {func(w *world) {
			rehash(w.x, dns.SHA256)
			w.x.DS[0].(*dns.DS).Digest = w.x.DS[0].(*dns.DS).Digest[:40]
		}, []string{"the wrong length"}},
		"key that was slipped in": {func(w *world) {
			forged := w.key(w.x, dnstest.RecordKey, dns.ECDSAP256SHA256, 256)
			w.change = func(name string, qtype uint16, m *dns.Msg) {
				if name == "x.test." && qtype == dns.TypeDNSKEY {
					m.Answer = append(m.Answer, forged.DNSKEY)
				}
			}
		}, []string{"the DNSKEY record of x.test. is not signed by a key that its DS record names", "does not match"}},
		"RSA key of 512 bits": {func(w *world) {
			short := w.key(w.x, dnstest.RecordKey, dns.RSASHA256, 1024)
			octets, _ := base64.StdEncoding.DecodeString(short.PublicKey)
			short.PublicKey = base64.StdEncoding.EncodeToString(octets[:4+64])
			w.x.Own = short
		}, []string{"is an RSA key of 512 bits"}},
		"key of the wrong length": {func(w *world) {
			w.x.Own.PublicKey = base64.StdEncoding.EncodeToString(make([]byte, 63))
		}, []string{"has 63 bytes instead of 64"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a.mount(w)
			w.refused("x.test.", a.words...)
		})
	}
}

// A key of RSA with 1024 bits that only signs records is still taken.
func TestShortRSAKeyOfRecords(t *testing.T) {
	w := newWorld(t)
	w.x.Own = w.key(w.x, dnstest.RecordKey, dns.RSASHA256, 1024)
	w.proven("x.test.", "hello")
}

// colliding returns keys with the tag of the key given. A tag is a sum of words
// of 16 bits, so these may change places.
func colliding(key *dns.DNSKEY, n int) []*dns.DNSKEY {
	var out []*dns.DNSKEY
	for i := 1; len(out) < n; i++ {
		octets, _ := base64.StdEncoding.DecodeString(key.PublicKey)
		a, b := i/15*2, (i/15+i%15+1)*2
		octets[a], octets[a+1], octets[b], octets[b+1] = octets[b], octets[b+1], octets[a], octets[a+1]
		twin := *key
		twin.PublicKey = base64.StdEncoding.EncodeToString(octets)
		out = append(out, &twin)
	}
	return out
}

// KeyTrap: keys with one tag, so that every signature has to be checked with
// every key. A few are allowed for; more stop the check, however good the last is.
func TestKeyTrapCollidingKeys(t *testing.T) {
	w := newWorld(t)
	show := func(before int) {
		twins := colliding(w.x.Own.DNSKEY, before)
		w.change = only("x.test.", dns.TypeDNSKEY, func(m *dns.Msg) {
			var keys []dns.RR
			for _, k := range twins {
				keys = append(keys, k)
			}
			keys = append(keys, w.x.Own.DNSKEY, w.x.Entry.DNSKEY)
			sig, err := w.x.Sign(w.x.Entry, keys)
			if err != nil {
				t.Fatal(err)
			}
			m.Answer = append(keys, sig)
		})
	}
	show(3)
	w.proven("x.test.", "hello")
	show(4)
	w.refused("x.test.", "more than 4 keys have the tag")
}

// KeyTrap: signatures that all name a key that is there, and do not match.
func TestKeyTrapTooManySignatures(t *testing.T) {
	bad := func(m *dns.Msg, n int) {
		good := signatures(m)[0]
		answer := []dns.RR{txt(m)}
		for i := range n {
			sig := dns.Copy(good).(*dns.RRSIG)
			sig.OrigTtl = uint32(i)
			answer = append(answer, sig)
		}
		m.Answer = append(answer, good)
	}
	w := newWorld(t)
	w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) { bad(m, 15) })
	w.proven("x.test.", "hello")
	w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) { bad(m, 16) })
	w.refused("x.test.", "more than 16 signatures")

	// Colliding keys and many signatures together: at most 16 checks for a set.
	w.x.MoreKeys = colliding(w.x.Own.DNSKEY, 2)
	w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) { bad(m, 15) })
	w.refused("x.test.", "more signatures would have to be checked than the look-up may cost")
}

// KeyTrap along the chain: each link stays within its own bound, and all of them
// together do not within the look-up's.
func TestKeyTrapAlongTheChain(t *testing.T) {
	w := newWorld(t)
	w.tree.Zone("w.x.test.")
	w.tree.Zone("v.w.x.test.", `v.w.x.test. 300 IN TXT "hello"`)
	w.proven("v.w.x.test.", "hello")
	w.change = func(_ string, _ uint16, m *dns.Msg) {
		good := signatures(m)[0]
		answer := m.Answer[:len(m.Answer)-1]
		for i := range 12 {
			sig := dns.Copy(good).(*dns.RRSIG)
			sig.OrigTtl = uint32(i)
			answer = append(answer, sig)
		}
		m.Answer = append(answer, good)
	}
	w.refused("v.w.x.test.", "more signatures would have to be checked than the look-up may cost")
}
