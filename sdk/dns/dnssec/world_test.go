package dnssec_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/dns/dnssec"
	"github.com/atedb/atedb/sdk/dns/dnstest"
	"github.com/atedb/atedb/sdk/fault"
)

// world is a root, test. and x.test., and a validator that asks them.
type world struct {
	t             *testing.T
	tree          *dnstest.Tree
	root, test, x *dnstest.Zone
	now           func() time.Time
	change        func(name string, qtype uint16, m *dns.Msg) // of each answer
	asked         []string
}

const hello = `x.test. 300 IN TXT "hello"`

func newWorld(t *testing.T) *world {
	tree := dnstest.NewTree(t)
	return &world{
		t: t, tree: tree, root: tree.Zone("."), test: tree.Zone("test."),
		x:   tree.Zone("x.test.", hello, `a.b.x.test. 300 IN TXT "deep"`),
		now: time.Now,
	}
}

func (w *world) fetch(_ context.Context, name string, qtype uint16) (*dns.Msg, error) {
	w.asked = append(w.asked, name+" "+dns.TypeToString[qtype])
	m := w.tree.Answer(name, qtype)
	if w.change != nil {
		w.change(name, qtype, m)
	}
	return m, nil
}

func (w *world) validator() *dnssec.Validator {
	w.t.Helper()
	anchors, err := dnssec.ParseAnchors(w.tree.Anchors(), "anchors")
	if err != nil {
		w.t.Fatal(err)
	}
	return dnssec.New(anchors, w.fetch, func() time.Time { return w.now() })
}

func (w *world) lookup(name string) (dnssec.Answer, error) {
	w.t.Helper()
	return w.validator().Lookup(context.Background(), name, dns.TypeTXT)
}

// proven looks a TXT record up that must be proven.
func (w *world) proven(name, want string) dnssec.Answer {
	w.t.Helper()
	answer, err := w.lookup(name)
	if err != nil {
		w.t.Fatalf("%s is not proven: %v", name, err)
	}
	if got := answer.Records[0].(*dns.TXT).Txt[0]; got != want || len(answer.Records) != 1 {
		w.t.Fatalf("proven: %v; want %q alone", answer.Records, want)
	}
	return answer
}

// refused looks a TXT record up that must not be proven, for a reason that has
// all of the words in it.
func (w *world) refused(name string, words ...string) {
	w.t.Helper()
	answer, err := w.lookup(name)
	if err == nil {
		w.t.Fatalf("%v is taken for proven", answer.Records)
	}
	if !fault.Is(err, fault.Insecure) || len(answer.Records) > 0 {
		w.t.Fatalf("the error is %v, with %d records; want none, and the code insecure", err, len(answer.Records))
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			w.t.Errorf("the error is %q; it should have %q in it", err, word)
		}
	}
}

// key makes a key for a zone in place of the one that it has.
func (w *world) key(z *dnstest.Zone, flags uint16, algorithm uint8, bits int) *dnstest.Key {
	w.t.Helper()
	return dnstest.NewKey(w.t, z.Name, flags, algorithm, bits)
}

// rehash makes the DS record of a zone anew, by the digest of the type.
func rehash(z *dnstest.Zone, digest uint8) { z.DS = []dns.RR{z.Entry.ToDS(digest)} }

// signatures returns the signatures in an answer.
func signatures(m *dns.Msg) (out []*dns.RRSIG) {
	for _, rr := range m.Answer {
		if sig, ok := rr.(*dns.RRSIG); ok {
			out = append(out, sig)
		}
	}
	return out
}

func txt(m *dns.Msg) *dns.TXT {
	for _, rr := range m.Answer {
		if t, ok := rr.(*dns.TXT); ok {
			return t
		}
	}
	return new(dns.TXT)
}

// only calls change for the answers to one question.
func only(name string, qtype uint16, change func(*dns.Msg)) func(string, uint16, *dns.Msg) {
	return func(n string, q uint16, m *dns.Msg) {
		if n == name && q == qtype {
			change(m)
		}
	}
}
