package dnssec_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/dns/dnstest"
)

// The chain of the package's example is walked as it says, and a second record
// of the zone takes one question more: the zone's keys are kept.
func TestChainIsWalkedOnce(t *testing.T) {
	w := newWorld(t)
	v := w.validator()
	if _, err := v.Lookup(context.Background(), "x.test.", dns.TypeTXT); err != nil {
		t.Fatal(err)
	}
	want := []string{"x.test. TXT", "x.test. DS", "test. DS", ". DNSKEY", "test. DNSKEY", "x.test. DNSKEY"}
	if !slices.Equal(w.asked, want) {
		t.Errorf("asked %v; want %v", w.asked, want)
	}
	w.asked = nil
	if _, err := v.Lookup(context.Background(), "a.b.x.test.", dns.TypeTXT); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a.b.x.test. TXT"}; !slices.Equal(w.asked, want) {
		t.Errorf("asked %v; want %v", w.asked, want)
	}
}

// Labels without a zone of their own, above a zone and in it, are passed over.
func TestEmptyLabels(t *testing.T) {
	w := newWorld(t)
	w.proven("a.b.x.test.", "deep")
	w.tree.Zone("p.q.r.test.", `o.p.q.r.test. 300 IN TXT "deeper"`)
	w.proven("o.p.q.r.test.", "deeper")
	if slices.Contains(w.asked, "q.r.test. DS") {
		t.Errorf("asked %v, with a DS record of no zone", w.asked)
	}
}

// Each algorithm and digest that is believed proves records.
func TestAlgorithms(t *testing.T) {
	for name, a := range map[string]struct {
		algorithm uint8
		bits      int
	}{
		"RSA/SHA-256": {dns.RSASHA256, 2048}, "P-256": {dns.ECDSAP256SHA256, 256},
		"P-384": {dns.ECDSAP384SHA384, 384}, "Ed25519": {dns.ED25519, 256},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.x.Entry = w.key(w.x, dnstest.EntryKey, a.algorithm, a.bits)
			w.x.Own = w.x.Entry // one key for all, as many zones have it
			for _, digest := range []uint8{dns.SHA256, dns.SHA384} {
				rehash(w.x, digest)
				w.proven("x.test.", "hello")
			}
		})
	}
}

// What a zone may show besides does no harm: a SHA-1 digest beside a good one, a
// stand-by key, a revoked key, a signature by a key that is gone, one in the name of
// a zone above, records twice, records of another class.
func TestWhatDoesNoHarm(t *testing.T) {
	w := newWorld(t)
	w.x.DS = []dns.RR{w.x.Entry.ToDS(dns.SHA1), w.x.Entry.ToDS(dns.SHA256)}
	revoked := w.key(w.x, dnstest.EntryKey|dns.REVOKE, dns.ED25519, 256)
	standby := w.key(w.x, dnstest.RecordKey, dns.ED25519, 256)
	w.x.MoreKeys = []*dns.DNSKEY{revoked.DNSKEY, standby.DNSKEY}
	gone := w.key(w.x, dnstest.RecordKey, dns.ECDSAP256SHA256, 256)
	w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) {
		sig, err := w.x.Sign(gone, []dns.RR{txt(m)})
		if err != nil {
			t.Fatal(err)
		}
		above := dns.Copy(sig).(*dns.RRSIG)
		above.SignerName = "." // which has signed nothing here
		m.Answer = append([]dns.RR{sig, dns.Copy(txt(m)), record(`x.test. 300 CH TXT "other"`)}, append(m.Answer, above)...)
	})
	w.proven("x.test.", "hello")
}

// A key without the SEP flag may be the one that the DS record names, and one
// with it may sign records: the flag means nothing (RFC 4034 section 2.1.1).
func TestSEPFlagMeansNothing(t *testing.T) {
	w := newWorld(t)
	w.x.Entry = w.key(w.x, dns.ZONE, dns.ECDSAP256SHA256, 256)
	w.x.Own = w.key(w.x, dns.ZONE|dns.SEP, dns.ECDSAP256SHA256, 256)
	w.proven("x.test.", "hello")
}

// A server may change the case of names, as queries with mixed case make it do.
func TestCaseOfNames(t *testing.T) {
	w := newWorld(t)
	w.change = func(_ string, _ uint16, m *dns.Msg) {
		for i, rr := range m.Answer {
			if i%2 == 0 {
				rr.Header().Name = strings.ToUpper(rr.Header().Name)
			}
		}
	}
	answer := w.proven("X.Test.", "hello")
	if name := answer.Records[0].Header().Name; name != "x.test." {
		t.Errorf("the record's name is %q", name)
	}
}

// A record is kept for the least of its TTL, the signed TTL, the signature's own
// and its validity: nobody can make it last by sending another TTL.
func TestHowLongItIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*dns.TXT, *dns.RRSIG)
		want   time.Duration
	}{
		"TTL":                {func(txt *dns.TXT, _ *dns.RRSIG) { txt.Hdr.Ttl = 7 }, 7 * time.Second},
		"inflated TTL":       {func(txt *dns.TXT, sig *dns.RRSIG) { txt.Hdr.Ttl, sig.Hdr.Ttl = 90000, 90000 }, 300 * time.Second},
		"signature's TTL":    {func(_ *dns.TXT, sig *dns.RRSIG) { sig.Hdr.Ttl = 9 }, 9 * time.Second},
		"TTL with first bit": {func(txt *dns.TXT, _ *dns.RRSIG) { txt.Hdr.Ttl = 1 << 31 }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			now := time.Now()
			w.now = func() time.Time { return now }
			w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) { c.change(txt(m), signatures(m)[0]) })
			if got := w.proven("x.test.", "hello").Until.Sub(now); got != c.want {
				t.Errorf("it is kept for %v; want %v", got, c.want)
			}
		})
	}
	w := newWorld(t)
	w.tree.Zone("long.test.", `long.test. 90000 IN TXT "hello"`)
	began := time.Now()
	if kept := w.proven("long.test.", "hello").Until.Sub(began); kept > time.Hour+time.Minute {
		t.Errorf("with a signed TTL of 25 h it is kept for %v; want at most an hour", kept)
	}
	w = newWorld(t)
	now := time.Now().Truncate(time.Second)
	w.now = func() time.Time { return now }
	w.x.Alter = func(sig *dns.RRSIG) { sig.Expiration = uint32(now.Add(11 * time.Second).Unix()) }
	if got := w.proven("x.test.", "hello").Until.Sub(now); got != 11*time.Second {
		t.Errorf("it is kept for %v although its signature ends in 11 s", got)
	}
}

// The keys of a zone are forgotten with the DS record that names them, so that a
// zone can get rid of a stolen key.
func TestKeysAreForgotten(t *testing.T) {
	w := newWorld(t)
	rehash(w.x, dns.SHA256)
	w.x.DS[0].Header().Ttl = 60 // of the keys themselves: one hour
	now := time.Now()
	w.now = func() time.Time { return now }
	v := w.validator()
	if _, err := v.Lookup(context.Background(), "x.test.", dns.TypeTXT); err != nil {
		t.Fatal(err)
	}
	stolen := w.x.Own
	w.x.Own = w.key(w.x, dnstest.RecordKey, dns.ECDSAP256SHA256, 256)
	now = now.Add(61 * time.Second)
	w.change = only("x.test.", dns.TypeTXT, func(m *dns.Msg) {
		sig, err := w.x.Sign(stolen, []dns.RR{txt(m)})
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = []dns.RR{txt(m), sig}
	})
	if answer, err := v.Lookup(context.Background(), "x.test.", dns.TypeTXT); err == nil {
		t.Errorf("%v is taken for proven by a key that is gone", answer.Records)
	}
}
