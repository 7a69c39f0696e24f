package dnssec_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/dns/dnssec"
	"github.com/atedb/atedb/sdk/fault"
)

// The root's key-signing keys, as the root itself shows them.
const rootKeys = `
. 172800 IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU=
. 172800 IN DNSKEY 257 3 8 AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZsjICMQMC3aeHbGiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3ej2/7CPqpdVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH9Z9GNUUeayffKC73PYc=
`

// The built-in anchors are the digests of the root's own keys.
func TestRootAnchors(t *testing.T) {
	anchors := dnssec.RootAnchors()
	keys := dns.NewZoneParser(strings.NewReader(rootKeys), ".", "")
	for i, tag := range []uint16{20326, 38696} {
		rr, ok := keys.Next()
		if !ok {
			t.Fatal(keys.Err())
		}
		ds := rr.(*dns.DNSKEY).ToDS(dns.SHA256)
		if ds.KeyTag != tag || anchors[i].KeyTag != tag || !strings.EqualFold(ds.Digest, anchors[i].Digest) {
			t.Errorf("the anchor %d is %v; the root's key is %v", tag, anchors[i], ds)
		}
	}
	if len(anchors) != 2 {
		t.Errorf("there are %d anchors", len(anchors))
	}
}

const anchor = ". 172800 IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"

// A file of anchors that could be misread is refused as a whole, with its name.
func TestAnchorsRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"empty":             {"; nothing\n", "has no trust anchor"},
		"another zone's":    {"test. IN DS 1 13 2 " + strings.Repeat("00", 32), "DS records of the root"},
		"another type":      {anchor + ". IN NS a.root-servers.net.", "DS records of the root"},
		"another class":     {". CH DS 1 13 2 " + strings.Repeat("00", 32), "DS records of the root"},
		"SHA-1":             {". IN DS 1 13 1 " + strings.Repeat("00", 20), "digest of type 1"},
		"short digest":      {". IN DS 1 13 2 " + strings.Repeat("00", 20), "wrong length"},
		"digest not in hex": {". IN DS 1 13 2 " + strings.Repeat("zz", 32), "wrong length"},
		"algorithm":         {". IN DS 1 5 2 " + strings.Repeat("00", 32), "algorithm 5"},
		"not a zone file":   {anchor + "<xml>", "cannot be read as a zone file"},
		"too many":          {strings.Repeat(anchor, 17), "more than 16"},
		"made without end":  {"$GENERATE 0-60000 . IN DS $ 13 2 " + strings.Repeat("00", 32), "more than 16"},
		"another file":      {"$INCLUDE /etc/passwd", "cannot be read"},
	} {
		_, err := dnssec.ParseAnchors(c.text, "root.ds")
		if !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "root.ds") {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
	if anchors, err := dnssec.ParseAnchors("; of 2017\n"+anchor, "root.ds"); err != nil || len(anchors) != 1 {
		t.Errorf("a good file: %v, %v", anchors, err)
	}
}

func FuzzParseAnchors(f *testing.F) {
	f.Add(anchor)
	f.Add("$TTL 5\n@ DS ( 1 13 2\n 00 )")
	f.Add("$GENERATE 1-3 . DS $ 8 2 00")
	f.Fuzz(func(t *testing.T, text string) {
		anchors, err := dnssec.ParseAnchors(text, "fuzz")
		if err == nil && (len(anchors) == 0 || len(anchors) > 16) {
			t.Fatalf("%d anchors without an error", len(anchors))
		}
		for _, ds := range anchors {
			if ds.Hdr.Name != "." || ds.DigestType == dns.SHA1 {
				t.Fatalf("the anchor %v", ds)
			}
		}
	})
}
