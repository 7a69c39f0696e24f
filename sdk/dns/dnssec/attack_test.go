package dnssec_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Signatures that do not count, for the record and for every link of its chain.
// Each attack is named by the rule that stops it.
func TestSignatureAttacks(t *testing.T) {
	seconds := func(d time.Duration) uint32 { return uint32(time.Now().Add(d).Unix()) }
	expired := func(covered uint16) func(*dns.RRSIG) {
		return func(sig *dns.RRSIG) {
			if sig.TypeCovered == covered {
				sig.Inception, sig.Expiration = seconds(-48*time.Hour), seconds(-24*time.Hour)
			}
		}
	}
	for name, a := range map[string]struct {
		mount func(*world)
		words []string
	}{
		"expired record": {func(w *world) { w.x.Alter = expired(dns.TypeTXT) },
			[]string{"the TXT record of x.test. is not signed by", "signature expired on 20"}},
		"expired keys": {func(w *world) { w.x.Alter = expired(dns.TypeDNSKEY) },
			[]string{"the DNSKEY record of x.test. is not signed by the key that the DS record of x.test. names", "expired"}},
		"expired delegation": {func(w *world) { w.test.Alter = expired(dns.TypeDS) },
			[]string{"the DS record of x.test. is not signed by", "expired"}},
		"expired delegation by the root": {func(w *world) { w.root.Alter = expired(dns.TypeDS) },
			[]string{"the DS record of test. is not signed by the root's keys", "expired"}},
		"expired keys of the root": {func(w *world) { w.root.Alter = expired(dns.TypeDNSKEY) },
			[]string{"the DNSKEY record of the root is not signed by", "expired"}},
		"not yet valid": {func(w *world) {
			w.x.Alter = func(sig *dns.RRSIG) { sig.Inception = seconds(time.Hour) }
		}, []string{"is valid only from"}},
		"expires before it begins": {func(w *world) {
			w.x.Alter = func(sig *dns.RRSIG) { sig.Inception, sig.Expiration = seconds(time.Hour), seconds(-time.Hour) }
		}, []string{"expires before it begins"}},
		"validity of more than 68 years": {func(w *world) {
			w.x.Alter = func(sig *dns.RRSIG) { sig.Expiration = sig.Inception + 1<<31 + 7200 }
		}, []string{"signature expire"}},
		"record signed by a sibling whose name is a suffix by letters": {func(w *world) {
			w.tree.Zone("atest.", `atest. 300 IN TXT "forged"`)
			w.change = only("atest.", dns.TypeTXT, func(m *dns.Msg) {
				sig, _ := w.test.Sign(w.test.Own, []dns.RR{txt(m)})
				m.Answer = []dns.RR{txt(m), sig}
			})
		}, []string{"the TXT record of atest. is not signed", "its signer test. is not the zone that it is in"}},
		"record signed by a zone below it": {func(w *world) {
			y := w.tree.Zone("y.x.test.")
			w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) {
				sig, _ := y.Sign(y.Own, []dns.RR{txt(m)})
				m.Answer = []dns.RR{txt(m), sig}
			})
		}, []string{"its signer y.x.test. is not the zone"}},
		"delegation signed by the delegated zone": {func(w *world) {
			w.change = only("x.test.", dns.TypeDS, func(m *dns.Msg) {
				sig, _ := w.x.Sign(w.x.Own, m.Answer[:1])
				m.Answer = []dns.RR{m.Answer[0], sig}
			})
		}, []string{"the DS record of x.test. is not signed by", "its signer x.test. is not the zone"}},
		"keys signed by the zone above": {func(w *world) {
			w.change = only("x.test.", dns.TypeDNSKEY, func(m *dns.Msg) {
				sig, _ := w.test.Sign(w.test.Own, m.Answer[:2])
				m.Answer = []dns.RR{m.Answer[0], m.Answer[1], sig}
			})
		}, []string{"the DNSKEY record of x.test. is not signed by", "its signer test. is not the zone"}},
		"keys signed by a key that the DS record does not name": {func(w *world) {
			w.change = only("x.test.", dns.TypeDNSKEY, func(m *dns.Msg) {
				sig, _ := w.x.Sign(w.x.Own, m.Answer[:2])
				m.Answer = []dns.RR{m.Answer[0], m.Answer[1], sig}
			})
		}, []string{"the DNSKEY record of x.test. is not signed by a key that its DS record names", "is not the one that its DS record names"}},
		"signature of a wildcard": {func(w *world) {
			w.tree.Zone("x.test.", hello, `*.x.test. 300 IN TXT "anything"`)
		}, []string{"one of a wildcard"}},
		"more labels than the name has": {func(w *world) {
			w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) { signatures(m)[0].Labels = 3 })
		}, []string{"wildcard"}},
		"no signature": {func(w *world) {
			w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) { m.Answer = m.Answer[:1] })
		}, []string{"the TXT record of x.test. is not signed"}},
		"signature with bytes behind it": {func(w *world) {
			w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) {
				s := signatures(m)[0]
				octets, _ := base64.StdEncoding.DecodeString(s.Signature)
				padded := append([]byte{0}, append(octets[:32:32], append([]byte{0}, octets[32:]...)...)...)
				s.Signature = base64.StdEncoding.EncodeToString(padded)
			})
		}, []string{"does not match"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a.mount(w)
			target := "x.test."
			switch {
			case strings.Contains(name, "sibling"):
				target = "atest."
			case name == "signature of a wildcard":
				target = "any.x.test."
			}
			w.refused(target, a.words...)
		})
	}
}

// A signature that is good, for something else than it stands beside.
func TestMovedSignatures(t *testing.T) {
	for name, change := range map[string]func(*dns.Msg){
		"over other data":        func(m *dns.Msg) { txt(m).Txt[0] = "forged" },
		"over fewer records":     func(m *dns.Msg) { m.Answer = append(m.Answer, record(`x.test. 300 IN TXT "added"`)) },
		"over another TTL":       func(m *dns.Msg) { signatures(m)[0].OrigTtl = 86400 },
		"over another algorithm": func(m *dns.Msg) { signatures(m)[0].Algorithm = dns.ED25519 },
		"over another time":      func(m *dns.Msg) { signatures(m)[0].Expiration += 86400 },
		"over another type": func(m *dns.Msg) {
			m.Answer = []dns.RR{record(`x.test. 300 IN TXT "hello"`), signatures(m)[0]}
			signatures(m)[0].TypeCovered = dns.TypeSPF
		},
		"over another class": func(m *dns.Msg) { txt(m).Hdr.Class = dns.ClassCHAOS },
		"over another owner": func(m *dns.Msg) { txt(m).Hdr.Name = "y.test." },
		"of zeros":           func(m *dns.Msg) { signatures(m)[0].Signature = strings.Repeat("A", 86) + "==" },
		"empty":              func(m *dns.Msg) { signatures(m)[0].Signature = "" },
		"not in base64":      func(m *dns.Msg) { signatures(m)[0].Signature = "!" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.change = only("x.test.", dns.TypeTXT, change)
			w.refused("x.test.", "DNSSEC does not prove the TXT record of x.test.")
		})
	}
	t.Run("of another name", func(t *testing.T) {
		w := newWorld(t)
		w.tree.Zone("x.test.", hello, `y.x.test. 300 IN TXT "admin"`)
		other := w.tree.Answer("y.x.test.", dns.TypeTXT)
		w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) {
			m.Answer = other.Answer
			for _, rr := range m.Answer {
				rr.Header().Name = "x.test."
			}
		})
		w.refused("x.test.", "wildcard")
	})
	t.Run("of another name of as many labels", func(t *testing.T) {
		w := newWorld(t)
		w.tree.Zone("x.test.", `z.x.test. 300 IN TXT "hello"`, `y.x.test. 300 IN TXT "admin"`)
		other := w.tree.Answer("y.x.test.", dns.TypeTXT)
		w.change = only("z.x.test.", dns.TypeTXT, func(m *dns.Msg) {
			m.Answer = other.Answer
			for _, rr := range m.Answer {
				rr.Header().Name = "z.x.test."
			}
		})
		w.refused("z.x.test.", "the TXT record of z.x.test. is not signed by the keys of x.test.: its signature by the key", "does not match")
	})
}

// Answers that would lead the validator elsewhere or leave it with nothing.
func TestAnswerAttacks(t *testing.T) {
	for name, a := range map[string]struct {
		mount func(*world)
		words []string
	}{
		"alias, signed well": {func(w *world) { w.tree.Zone("x.test.", "x.test. 300 IN CNAME test.") },
			[]string{"the TXT record of x.test. is behind an alias (CNAME)"}},
		"alias beside the record": {func(w *world) {
			w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) { m.Answer = append(m.Answer, record("x.test. 300 IN CNAME evil.test.")) })
		}, []string{"CNAME"}},
		"alias of a whole tree": {func(w *world) {
			w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) { m.Answer = append(m.Answer, record("test. 300 IN DNAME evil.")) })
		}, []string{"DNAME"}},
		"stripped DS (downgrade)": {func(w *world) {
			w.change = only("x.test.", dns.TypeDS, func(m *dns.Msg) { m.Answer = nil })
		}, []string{"the server gives nothing for the DS record of x.test."}},
		"zone that is not signed": {func(w *world) { w.x.Unsigned = true }, []string{"the TXT record of x.test. is not signed"}},
		"stripped keys": {func(w *world) {
			w.change = only("x.test.", dns.TypeDNSKEY, func(m *dns.Msg) { m.Answer = nil })
		}, []string{"nothing for the DNSKEY record of x.test."}},
		"no record": {func(w *world) { w.tree.Zone("x.test.") }, []string{"nothing for the TXT record of x.test.", "nothing proves that there is none"}},
		"no such name": {func(w *world) {
			w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) { m.Answer, m.Rcode = nil, dns.RcodeNameError })
		}, []string{"NXDOMAIN"}},
		"code of failure over good records": {func(w *world) {
			w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) { m.Rcode = 4000 })
		}, []string{"unknown code"}},
		"records without end": {func(w *world) {
			w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) {
				for i := range 65 {
					m.Answer = append(m.Answer, record(fmt.Sprintf(`x.test. 300 IN TXT "%d"`, i)))
				}
			})
		}, []string{"more than 64 records"}},
		"answer without end": {func(w *world) {
			w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) {
				for range 300 {
					m.Answer = append(m.Answer, record(`other.test. 300 IN TXT ""`))
				}
			})
		}, []string{"at most 256"}},
		"zones without end": {func(w *world) {
			name := "x.test."
			for range 20 {
				name = "a." + name
				w.tree.Zone(name, name+` 300 IN TXT "x"`)
			}
			w.change = nil
		}, []string{"more than 16 zones"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a.mount(w)
			target := "x.test."
			if name == "zones without end" {
				target = strings.Repeat("a.", 20) + target
			}
			w.refused(target, a.words...)
		})
	}
}

// The whole tree of another root is good in itself, and means nothing.
func TestAnotherRoot(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	w.change = func(name string, qtype uint16, m *dns.Msg) { m.Answer = other.tree.Answer(name, qtype).Answer }
	w.refused("x.test.", "the DNSKEY record of the root is not signed by a key that a trust anchor names")
}

func record(text string) dns.RR {
	rr, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return rr
}
