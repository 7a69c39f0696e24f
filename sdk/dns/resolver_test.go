package dns

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	wire "github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/dns/dnstest"
	"github.com/atedb/atedb/sdk/fault"
)

func texts(addresses []netip.Addr) (out []string) {
	for _, a := range addresses {
		out = append(out, a.String())
	}
	return out
}

// Both families and all TXT records come back, whoever is believed, and with a
// name in any case, with or without its dot.
func TestLookUps(t *testing.T) {
	both(t, func(t *testing.T, _ *dnstest.Tree, r *Resolver) {
		for _, name := range []string{"x.test", "X.test."} {
			found, err := r.Addresses(ctx(), name)
			if want := []string{"192.0.2.1", "2001:db8::1"}; err != nil || !slices.Equal(texts(found), want) {
				t.Fatalf("%s: %v, %v; want %v", name, found, err, want)
			}
		}
		found, err := r.Addresses(ctx(), "four.x.test")
		if err != nil || !slices.Equal(texts(found), []string{"192.0.2.4"}) {
			t.Errorf("a name of one family: %v, %v", found, err)
		}
		txt, err := r.TXT(ctx(), "x.test")
		if slices.Sort(txt); err != nil || !slices.Equal(txt, []string{"hello", "two"}) {
			t.Errorf("TXT: %q, %v", txt, err)
		}
		txt, err = r.TXT(ctx(), "odd.x.test")
		if err != nil || !slices.Equal(txt, []string{"a\"b\\c\x00\xff;d"}) {
			t.Errorf("TXT with odd bytes: %q, %v", txt, err)
		}
	})
}

// What is kept is not asked for again before its time.
func TestAnswersAreKept(t *testing.T) {
	both(t, func(t *testing.T, tree *dnstest.Tree, r *Resolver) {
		var asked int
		for i := range 3 {
			if _, err := r.TXT(ctx(), "x.test"); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				asked = tree.Queries()
			}
		}
		if tree.Queries() != asked {
			t.Errorf("%d queries more for what is known", tree.Queries()-asked)
		}
		tree.Zone("x.test.", `x.test. 0 IN TXT "now"`, `y.x.test. 0 IN TXT "now"`)
		for _, want := range []int{1, 2} {
			before := tree.Queries()
			if _, err := r.TXT(ctx(), "y.x.test"); err != nil || tree.Queries() == before {
				t.Errorf("look-up %d of a record with a TTL of 0: %v, %d queries", want, err, tree.Queries()-before)
			}
		}
	})
}

// A name that is not there is not_found only if the server is believed: nobody
// can make a proven record seem to be gone.
func TestMissing(t *testing.T) {
	both(t, func(t *testing.T, _ *dnstest.Tree, r *Resolver) {
		code := fault.NotFound
		if r.validator != nil {
			code = fault.Insecure
		}
		_, err := r.TXT(ctx(), "none.x.test")
		wantErr(t, "no such name", err, code, "none.x.test.")
		_, err = r.TXT(ctx(), "four.x.test")
		wantErr(t, "no such record", err, code, "four.x.test.")
		_, err = r.Addresses(ctx(), "odd.x.test")
		wantErr(t, "no address", err, code, "odd.x.test")
	})
}

// The refusal of a forged address says which link of the chain failed.
func TestForgedAnswers(t *testing.T) {
	tree := newTree(t)
	r := resolver(t, Config{Server: tree.Serve(t), Secure: true, Anchors: tree.AnchorsFile(t)})
	tree.Meddle(func(_ string, _, m *wire.Msg) *wire.Msg {
		for _, rr := range m.Answer {
			switch rr := rr.(type) {
			case *wire.A:
				rr.A[3] = 66
			case *wire.AAAA:
				rr.AAAA[15] = 66
			}
		}
		m.AuthenticatedData = true // the server's word counts for nothing
		return m
	})
	_, err := r.Addresses(ctx(), "x.test")
	wantErr(t, "both forged", err, fault.Insecure, "DNSSEC does not prove the A record of x.test.", "the keys of x.test.", "does not match", "AAAA record")
	tree.Meddle(nil)
	if _, err := r.Addresses(ctx(), "x.test"); err != nil {
		t.Errorf("a refusal was kept: %v", err)
	}
}

// A forged answer of one family does not get through beside a good one.
func TestOneFamilyForged(t *testing.T) {
	tree := newTree(t)
	r := resolver(t, Config{Server: tree.Serve(t), Secure: true, Anchors: tree.AnchorsFile(t)})
	tree.Meddle(func(_ string, _, m *wire.Msg) *wire.Msg {
		for _, rr := range m.Answer {
			if a, ok := rr.(*wire.AAAA); ok {
				a.AAAA[15] = 66
			}
		}
		return m
	})
	found, err := r.Addresses(ctx(), "x.test")
	if err != nil || !slices.Equal(texts(found), []string{"192.0.2.1"}) {
		t.Errorf("%v, %v; want the IPv4 address alone", found, err)
	}
}

// The server is told to hand over signatures and not to check (DO, CD) if, and
// only if, nothing it says is believed.
func TestWhatIsAsked(t *testing.T) {
	both(t, func(t *testing.T, tree *dnstest.Tree, r *Resolver) {
		ids := make(map[uint16]bool)
		tree.Meddle(func(_ string, q, m *wire.Msg) *wire.Msg {
			ids[q.Id] = true
			secure := r.validator != nil
			if opt := q.IsEdns0(); opt == nil || opt.Do() != secure || q.CheckingDisabled != secure || opt.UDPSize() != 1232 || !q.RecursionDesired {
				t.Errorf("asked %v", q)
			}
			return m
		})
		for i := range 8 {
			_, _ = r.TXT(ctx(), fmt.Sprintf("n%d.x.test", i))
		}
		tree.Meddle(nil) // and nothing writes to ids any more
		if len(ids) < 7 {
			t.Errorf("8 queries have %d ids between them", len(ids))
		}
	})
}

// Aliases are followed, within an answer and where one ends, to an end.
func TestAliases(t *testing.T) {
	tree := newTree(t)
	r := resolver(t, Config{Server: tree.Serve(t)})
	check := func(name string) {
		t.Helper()
		if txt, err := r.TXT(ctx(), name); err != nil || len(txt) != 2 {
			t.Errorf("%s: %q, %v", name, txt, err)
		}
	}
	check("w.test")
	chain := func(n int) {
		records := []string{"c1.test. 60 IN CNAME x.test."}
		for i := 2; i <= n; i++ {
			records = append(records, fmt.Sprintf("c%d.test. 60 IN CNAME c%d.test.", i, i-1))
		}
		tree.Zone("test.", records...)
	}
	chain(9)
	tree.Meddle(func(_ string, _, m *wire.Msg) *wire.Msg {
		m.Answer = m.Answer[:min(1, len(m.Answer))] // a server that follows none
		return m
	})
	if txt, err := r.TXT(ctx(), "c8.test"); err != nil || len(txt) != 1 {
		t.Errorf("8 aliases in 8 answers: %q, %v", txt, err)
	}
	_, err := r.TXT(ctx(), "c9.test")
	wantErr(t, "9 aliases", err, fault.Unavailable, "more than 8 aliases")
	tree.Meddle(nil)
	tree.Zone("test.", "l1.test. 60 IN CNAME l2.test.", "l2.test. 60 IN CNAME l1.test.", "here.test. 60 IN CNAME localhost.", "gone.test. 60 IN CNAME none.x.test.")
	_, err = r.TXT(ctx(), "l1.test")
	wantErr(t, "a ring of aliases", err, fault.Unavailable, "more than 8 aliases")
	_, err = r.TXT(ctx(), "here.test")
	wantErr(t, "an alias of this machine", err, fault.Unavailable, "localhost.")
	_, err = r.TXT(ctx(), "gone.test")
	wantErr(t, "an alias of nothing", err, fault.NotFound, "gone.test.")
}

// Aliases are refused when DNSSEC must prove the answer, however well signed.
func TestAliasesAreNotProven(t *testing.T) {
	tree := newTree(t)
	r := resolver(t, Config{Server: tree.Serve(t), Secure: true, Anchors: tree.AnchorsFile(t)})
	_, err := r.TXT(ctx(), "w.test")
	wantErr(t, "an alias", err, fault.Insecure, "the TXT record of w.test. is behind an alias (CNAME)")
}

// Many at once get the same as one alone (and the race detector is content).
func TestManyAtOnce(t *testing.T) {
	both(t, func(t *testing.T, _ *dnstest.Tree, r *Resolver) {
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				name := []string{"x.test", "four.x.test"}[i%2]
				found, err := r.Addresses(ctx(), name)
				if err != nil || found[0].String()[:8] != "192.0.2." {
					t.Errorf("%s: %v, %v", name, found, err)
				}
				clear(found) // what is returned is the caller's own
			})
		}
		wg.Wait()
	})
}

// Settings that would be misunderstood are refused.
func TestConfigRefused(t *testing.T) {
	tree := newTree(t)
	bad := filepath.Join(t.TempDir(), "bad.ds")
	write(t, bad, "nonsense")
	long := filepath.Join(t.TempDir(), "long.ds")
	write(t, long, strings.Repeat(";\n", 40000))
	for name, c := range map[string]struct {
		Config
		word string
	}{
		"server by name":        {Config{Server: "dns.google"}, "must be an IP address"},
		"server by port 0":      {Config{Server: "1.1.1.1:0"}, "must be an IP address"},
		"anchors unused":        {Config{Anchors: tree.AnchorsFile(t)}, "DNSSEC is off"},
		"anchors by short path": {Config{Secure: true, Anchors: "root.ds"}, "absolute path"},
		"anchors not there":     {Config{Secure: true, Anchors: "/none/root.ds"}, "no such file"},
		"anchors not readable":  {Config{Secure: true, Anchors: bad}, "zone file"},
		"anchors without end":   {Config{Secure: true, Anchors: long}, "more than 65536 bytes"},
	} {
		_, err := New(c.Config)
		wantErr(t, name, err, fault.BadConfig, c.word)
	}
	for _, s := range []string{"8.8.8.8", "127.0.0.1:5353", "2001:db8::1", "[2001:db8::1]:53", "fe80::1%eth0"} {
		if r, err := New(Config{Server: s, Secure: true}); err != nil || !r.server.IsValid() {
			t.Errorf("server %s: %v", s, err)
		}
	}
}

// The system's servers are those that its file names when a query is made; the
// second is asked when the first does not answer.
func TestSystemServers(t *testing.T) {
	r := resolver(t, Config{})
	_, err := r.TXT(ctx(), "x.test")
	wantErr(t, "no file", err, fault.Unavailable, "no DNS server is set")
	write(t, r.resolvConf, "search test\nnameserver nonsense\n")
	_, err = r.TXT(ctx(), "x.test")
	wantErr(t, "no server in it", err, fault.Unavailable, "names none")
	write(t, r.resolvConf, "nameserver 127.0.0.9\nnameserver ::1\nnameserver 1.1.1.1\nnameserver 2.2.2.2\n")
	servers, err := r.servers()
	if want := "[127.0.0.9:53 [::1]:53 1.1.1.1:53]"; err != nil || fmt.Sprint(servers) != want {
		t.Errorf("servers %v, %v; want %s", servers, err, want)
	}
	silent, good := newTree(t), newTree(t)
	silent.Meddle(func(string, *wire.Msg, *wire.Msg) *wire.Msg { return nil })
	write(t, r.resolvConf, "nameserver "+silent.Serve(t)+"\nnameserver "+good.Serve(t)+"\n")
	if txt, err := r.TXT(ctx(), "x.test"); err != nil || len(txt) != 2 || silent.Queries() != 1 {
		t.Errorf("with a silent server before a good one: %q, %v", txt, err)
	}
}

// A caller that gives up gets an answer at once, and the error says so.
func TestCallerGivesUp(t *testing.T) {
	both(t, func(t *testing.T, tree *dnstest.Tree, r *Resolver) {
		r.tryTime = time.Minute
		tree.Meddle(func(string, *wire.Msg, *wire.Msg) *wire.Msg { return nil })
		c, cancel := context.WithTimeout(ctx(), 50*time.Millisecond)
		defer cancel()
		begun := time.Now()
		_, err := r.Addresses(c, "x.test")
		wantErr(t, "given up", err, fault.Unavailable, "context deadline exceeded")
		if d := time.Since(begun); d > 2*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}
