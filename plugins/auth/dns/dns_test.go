package dns

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	wire "github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/auth/authtest"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/dns/dnstest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/plugin"
)

// world is a DNS with example.com in it, which is signed.
type world struct {
	*dnstest.Tree
	zone *dnstest.Zone
	dns  plugin.DNS
	log  bytes.Buffer
}

func newWorld(tb testing.TB, texts ...string) *world {
	tb.Helper()
	w := &world{Tree: dnstest.NewTree(tb)}
	w.Zone("com.")
	w.zone = w.Zone("example.com.", records(texts)...)
	w.dns = plugin.DNS{Server: w.Serve(tb), Secure: true, Anchors: w.AnchorsFile(tb)}
	return w
}

// records returns TXT records, in strings of at most 255 bytes.
func records(texts []string) []string {
	var out []string
	for _, text := range texts {
		var parts string
		for len(text) > 255 {
			parts, text = parts+fmt.Sprintf(" %q", text[:255]), text[255:]
		}
		out = append(out, fmt.Sprintf(`_atedb.example.com. 300 IN TXT%s %q`, parts, text))
	}
	return out
}

func (w *world) configure(config string) (*Resolver, error) {
	r := New()
	log := hclog.New(&hclog.LoggerOptions{Output: &w.log, Level: hclog.Warn})
	return r, r.Configure(context.Background(), plugin.Setup{Config: []byte(config), DNS: w.dns, Logger: log})
}

func (w *world) resolver(tb testing.TB, config string) *Resolver {
	tb.Helper()
	r, err := w.configure(config)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func ask(tb testing.TB, r *Resolver, chain chainname.Name) (auth.Answer, error) {
	tb.Helper()
	return r.Resolve(tb.Context(), auth.Query{Chain: chain})
}

const settings = `{"domains": ["example.com", "other.test"], "groups": {"engineers": "example.com"}, "ttl": "90s"}`

var texts = []string{"v=spf1 -all", "v=ate1; user=joe; key=" + keyID, "v=ate1; user=joe; key=" + other, "v=ate1; group=engineers; key=" + keyID}

func TestContract(t *testing.T) {
	authtest.Run(t, func(tb testing.TB) authtest.Subject {
		w := newWorld(tb, texts...)
		w.Meddle(func(_ string, query, answer *wire.Msg) *wire.Msg {
			if strings.HasPrefix(query.Question[0].Name, "_atedb.silent") {
				return nil
			}
			return answer
		})
		return authtest.Subject{
			Resolver: w.resolver(tb, `{"domains": ["*"], "groups": {"engineers": "example.com"}}`),
			Granted:  "example.com/joe/db", Denied: "example.com/ann/db", Stalled: "silent.com/joe/db",
		}
	})
}

// Users and groups get the keys of their records, proven from the root.
func TestAnswers(t *testing.T) {
	w := newWorld(t, texts...)
	r := w.resolver(t, settings)
	for chain, count := range map[chainname.Name]int{"example.com/joe/db": 2, "engineers/db": 1, "example.com/ann/db": 0, "strangers/db": 0} {
		a, err := ask(t, r, chain)
		if err != nil || len(a.RootKeyIDs) != count || (a.Denied == "") != (count > 0) || a.TTL != 90*time.Second || a.ChainOnly {
			t.Errorf("%s: %+v, %v; want %d keys", chain, a, err, count)
		}
	}
}

// Attack: the record of another user. Joe's keys are nobody else's, and a user
// called like a group, or the other way about, gets nothing.
func TestRecordOfAnother(t *testing.T) {
	w := newWorld(t, "v=ate1; user=joe; key="+keyID, "v=ate1; group=ann; key="+keyID, "v=ate1; user=engineers; key="+keyID)
	r := w.resolver(t, settings)
	for _, chain := range []chainname.Name{"example.com/ann/db", "engineers/db", "example.com/joe.x/db"} {
		if a, err := ask(t, r, chain); err != nil || a.Denied == "" {
			t.Errorf("%s: %+v, %v", chain, a, err)
		}
	}
}

// Attack: a chain's name makes the server ask for a domain that nobody listed,
// an address, or a name of the attacker's under a listed one's. No query leaves.
func TestOnlyListedDomainsAreAsked(t *testing.T) {
	w := newWorld(t, texts...)
	r := w.resolver(t, settings)
	for _, chain := range []chainname.Name{
		"evil.org/joe/db", "example.com.evil.org/joe/db", "sub.example.com/joe/db", "localhost/joe/db", "169.254.169.254/joe/db", "strangers/db",
	} {
		if a, err := ask(t, r, chain); err != nil || a.Denied == "" {
			t.Errorf("%s: %+v, %v", chain, a, err)
		}
	}
	if n := w.Queries(); n != 0 {
		t.Errorf("%d queries were sent", n)
	}
}

// Attack: downgrade to insecure DNS. Whoever takes the signatures away, or
// answers in the place of the domain, gets no key believed: neither of a zone
// that is signed, nor of one that is not, nor by saying that there is nothing.
func TestDowngrade(t *testing.T) {
	forged, err := wire.NewRR(`_atedb.example.com. 300 IN TXT "v=ate1; user=joe; key=` + keys.FormatID(event.Hash{2}) + `"`)
	if err != nil {
		t.Fatal(err)
	}
	for attack, meddle := range map[string]func(answer *wire.Msg){
		"signatures stripped": func(m *wire.Msg) {
			kept := m.Answer[:0]
			for _, rr := range m.Answer {
				if rr.Header().Rrtype != wire.TypeRRSIG {
					kept = append(kept, rr)
				}
			}
			m.Answer = kept
		},
		"a forged record":    func(m *wire.Msg) { m.Answer = []wire.RR{forged} },
		"a record added":     func(m *wire.Msg) { m.Answer = append(m.Answer, forged) },
		"no such name":       func(m *wire.Msg) { m.Answer, m.Rcode = nil, wire.RcodeNameError },
		"said to be checked": func(m *wire.Msg) { m.Answer, m.AuthenticatedData = []wire.RR{forged}, true },
	} {
		w := newWorld(t, texts...)
		w.Meddle(func(_ string, query, answer *wire.Msg) *wire.Msg {
			if query.Question[0].Qtype == wire.TypeTXT {
				meddle(answer)
			}
			return answer
		})
		a, err := ask(t, w.resolver(t, settings), "example.com/joe/db")
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "_atedb.example.com") {
			t.Errorf("%s: %+v, %v; want an unavailable fault that says where", attack, a, err)
		}
	}
	w := newWorld(t, texts...)
	w.Change(func() { w.zone.Unsigned = true })
	if a, err := ask(t, w.resolver(t, settings), "example.com/joe/db"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a zone without signatures: %+v, %v", a, err)
	}
}

// The plugin does not start without DNSSEC, unless its operator says so, and
// then it warns; and what is believed then is what the server says.
func TestWithoutDNSSEC(t *testing.T) {
	w := newWorld(t, texts...)
	w.dns.Secure, w.dns.Anchors = false, ""
	if _, err := w.configure(settings); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), "dns_sec") {
		t.Errorf("without dns_sec: %v", err)
	}
	w.Change(func() { w.zone.Unsigned = true })
	r := w.resolver(t, strings.Replace(settings, "{", `{"require_dnssec": false, `, 1))
	if !strings.Contains(w.log.String(), "without a proof") {
		t.Errorf("the log says %q", w.log.String())
	}
	if a, err := ask(t, r, "example.com/joe/db"); err != nil || len(a.RootKeyIDs) != 2 {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := ask(t, r, "other.test/joe/db"); err != nil || a.Denied == "" {
		t.Errorf("a domain without records: %+v, %v", a, err)
	}
}

// Attack: oversized TXT records. One that is too long gives nothing and takes
// nothing away; more than DNS may carry is an unavailable fault.
func TestOversized(t *testing.T) {
	long := "v=ate1; user=joe; key=" + other + strings.Repeat(" ", 5000)
	w := newWorld(t, append([]string{long}, texts[1])...)
	if a, err := ask(t, w.resolver(t, settings), "example.com/joe/db"); err != nil || len(a.RootKeyIDs) != 1 {
		t.Errorf("one long record: %+v, %v", a, err)
	}
	if !strings.Contains(w.log.String(), "passed over") || !strings.Contains(w.log.String(), "5") {
		t.Errorf("the log says %q", w.log.String())
	}
	for name, texts := range map[string][]string{"40 KB": {strings.Repeat("x", 40_000)}, "200 records": many(200)} {
		w := newWorld(t, texts...)
		if a, err := ask(t, w.resolver(t, settings), "example.com/joe/db"); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

func many(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("record %d", i)
	}
	return texts
}

// A name that DNS cannot have, since the prefix makes it too long, is denied.
func TestLongDomain(t *testing.T) {
	label := strings.Repeat("x", 63)
	domain := strings.Join([]string{label, label, label, label[:61]}, ".")
	chain, err := chainname.Parse(domain + "/joe/db")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	if a, err := ask(t, w.resolver(t, `{"domains": ["*"]}`), chain); err != nil || a.Denied == "" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestBadConfig(t *testing.T) {
	for config, want := range map[string]string{
		``: "domains", `{}`: "domains", `{"domains": []}`: "domains", `{"domains": "example.com"}`: "domains", `{"domains": ["10.0.0.1"]}`: "10.0.0.1",
		`{"domains": ["a.b"], "groups": {"x": "c.d"}}`: "c.d", `{"domains": ["a.b"], "ttl": "25h"}`: "ttl", `{"domains": ["a.b"], "ttl": -1}`: "ttl",
		`{"domains": ["a.b"], "require_dnssec": "no"}`: "require_dnssec", `{"domains": ["a.b"], "require_dnsec": true}`: "require_dnsec",
	} {
		if err := New().Validate([]byte(config)); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate(%s) = %v; want a bad_config fault that has %q", config, err, want)
		}
		if err := New().Configure(t.Context(), plugin.Setup{Config: []byte(config), DNS: plugin.DNS{Secure: true}}); !fault.Is(err, fault.BadConfig) {
			t.Errorf("Configure(%s) = %v", config, err)
		}
	}
}

// Before it is configured, and with settings of DNS that are none, it gives
// nothing.
func TestUnconfigured(t *testing.T) {
	if a, err := ask(t, New(), "example.com/joe/db"); err != nil || a.Denied == "" {
		t.Errorf("%+v, %v", a, err)
	}
	w := newWorld(t)
	w.dns.Server = "dns.example"
	if _, err := w.configure(settings); !fault.Is(err, fault.BadConfig) {
		t.Errorf("with a DNS server that is no address: %v", err)
	}
}
