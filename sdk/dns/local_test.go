package dns

import (
	"slices"
	"strings"
	"testing"

	wire "github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/dns/dnstest"
	"github.com/atedb/atedb/sdk/fault"
)

// Names that need no DNS are known although no server answers, and nothing is
// asked of one.
func TestNamesThatNeedNoDNS(t *testing.T) {
	both(t, func(t *testing.T, tree *dnstest.Tree, r *Resolver) {
		tree.Meddle(func(_ string, q, _ *wire.Msg) *wire.Msg {
			t.Errorf("asked %v", q.Question)
			return nil
		})
		write(t, r.hosts, "# a comment\n10.0.0.7\tbox box.lan # x.test\nnonsense x.test\n10.0.0.8 lan. Box\nfd00::7 BOX.lan\n10.6.6.6 localhost evil.localhost\n")
		for host, want := range map[string]string{
			"192.0.2.9": "192.0.2.9", "2001:db8::9": "2001:db8::9", "fe80::1%lo": "fe80::1%lo", "::ffff:192.0.2.9": "192.0.2.9",
			"localhost": "127.0.0.1 ::1", "LocalHost.": "127.0.0.1 ::1", "a.b.localhost": "127.0.0.1 ::1", "evil.localhost": "127.0.0.1 ::1",
			"box": "10.0.0.7 10.0.0.8", "box.LAN.": "10.0.0.7 fd00::7", "lan": "10.0.0.8",
		} {
			found, err := r.Addresses(ctx(), host)
			if got := strings.Join(texts(found), " "); err != nil || got != want {
				t.Errorf("%s: %s, %v; want %s", host, got, err, want)
			}
		}
		_, err := r.TXT(ctx(), "localhost")
		wantErr(t, "TXT of localhost", err, fault.NotFound)
	})
}

// What is no domain name is never asked for.
func TestNamesRefused(t *testing.T) {
	r := resolver(t, Config{Server: "127.0.0.1:1"})
	for _, name := range []string{
		"", ".", "..", "a..b", ".a", "a b", "a\\.b", "a/b", "a\x00b", "ä.test", "*.test", "1.2.3", "127.1", "256.256.256.256", "[::1]", "a.7",
		strings.Repeat("a", 64) + ".test", strings.Repeat("a.", 127) + "ab",
	} {
		_, err := r.Addresses(ctx(), name)
		wantErr(t, name, err, fault.BadRequest)
		_, err = r.TXT(ctx(), name)
		wantErr(t, name, err, fault.BadRequest)
	}
	for _, name := range []string{"a", "xn--4ca.test", "_ate.x.test", "4.a4", strings.Repeat("a", 63) + ".test", strings.Repeat("a.", 126) + "a"} {
		if _, err := canonical(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The name is either refused or one that comes back the same from a message.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"x.test", "a\\.b", "1.2", "A.", "_a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := canonical(s)
		if err != nil {
			return
		}
		m := new(wire.Msg)
		m.SetQuestion(name, wire.TypeA)
		message, err := m.Pack()
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if back := new(wire.Msg); back.Unpack(message) != nil || back.Question[0].Name != name {
			t.Fatalf("%q comes back as %q", name, back.Question[0].Name)
		}
	})
}

// Any bytes of a TXT record's strings come out as they were sent.
func FuzzTextOf(f *testing.F) {
	f.Add([]byte("hel"), []byte("lo"))
	f.Add([]byte("\\\"\x00\xff;"), []byte{})
	f.Add([]byte("\\065"), []byte("5\\"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a) > 255 || len(b) > 255 {
			return
		}
		data := slices.Concat([]byte{byte(len(a))}, a, []byte{byte(len(b))}, b)
		record := slices.Concat([]byte{0, 0, 16, 0, 1, 0, 0, 0, 0, byte(len(data) >> 8), byte(len(data))}, data)
		rr, _, err := wire.UnpackRR(record, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := textOf(rr.(*wire.TXT)); got != string(a)+string(b) {
			t.Fatalf("%q; want %q", got, string(a)+string(b))
		}
	})
}
