package dnssec_test

import (
	"context"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/dns/dnssec"
	"github.com/atedb/atedb/sdk/dns/dnstest"
)

// Whatever a server makes of one answer of the chain, the record that comes out
// is the one that was signed, or none.
func FuzzAnswers(f *testing.F) {
	tree := dnstest.NewTree(f)
	tree.Zone("test.")
	tree.Zone("x.test.", hello)
	anchors, err := dnssec.ParseAnchors(tree.Anchors(), "anchors")
	if err != nil {
		f.Fatal(err)
	}
	questions := []dns.Question{
		{Name: "x.test.", Qtype: dns.TypeTXT}, {Name: "x.test.", Qtype: dns.TypeDS}, {Name: "x.test.", Qtype: dns.TypeDNSKEY},
		{Name: "test.", Qtype: dns.TypeDS}, {Name: "test.", Qtype: dns.TypeDNSKEY}, {Name: ".", Qtype: dns.TypeDNSKEY},
	}
	good := make(map[dns.Question]*dns.Msg)
	for i, q := range questions {
		good[q] = tree.Answer(q.Name, q.Qtype)
		f.Add(uint8(i), uint16(0), []byte{})
		f.Add(uint8(i), uint16(7), []byte{3})
		f.Add(uint8(i), uint16(60), []byte{0, 1, 0, 1})
	}
	// The keys are new in every process that fuzzes, so what is varied is where
	// the good message is written over and with what.
	f.Fuzz(func(t *testing.T, which uint8, offset uint16, patch []byte) {
		message, err := good[questions[int(which)%len(questions)]].Pack()
		if err != nil {
			t.Fatal(err)
		}
		copy(message[int(offset)%len(message):], patch)
		bad := new(dns.Msg)
		if bad.Unpack(message) != nil {
			return
		}
		target := questions[int(which)%len(questions)]
		fetch := func(_ context.Context, name string, qtype uint16) (*dns.Msg, error) {
			q := dns.Question{Name: name, Qtype: qtype}
			if m := good[q]; m != nil && q != target {
				return m, nil
			}
			return bad, nil
		}
		answer, err := dnssec.New(anchors, fetch, time.Now).Lookup(context.Background(), "x.test.", dns.TypeTXT)
		if err != nil {
			return
		}
		if txt, ok := answer.Records[0].(*dns.TXT); !ok || len(answer.Records) != 1 || len(txt.Txt) != 1 || txt.Txt[0] != "hello" {
			t.Fatalf("proven: %v", answer.Records)
		}
	})
}
