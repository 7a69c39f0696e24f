package https

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// good is a document that grants everything that is asked for in these tests: an
// attack that works is granted.
func good(tb testing.TB) string {
	joe := identity(tb, "joe").Text()
	return `{"version": 1, "users": {"joe": ["` + joe + `"]}}`
}

// answers is a DNS whose answers to questions are these, one after the other.
type answers struct {
	asked atomic.Int32
	each  [][]netip.Addr
}

func (a *answers) Addresses(context.Context, string) ([]netip.Addr, error) {
	n := int(a.asked.Add(1)) - 1
	return a.each[min(n, len(a.each)-1)], nil
}

func addresses(texts ...string) []netip.Addr {
	out := make([]netip.Addr, len(texts))
	for i, text := range texts {
		out[i] = netip.MustParseAddr(text)
	}
	return out
}

// nowhere is an address that is a public one, and that nobody has.
const nowhere = "3ffe::1"

// Attack: SSRF through a chain's name. Somebody's domain leads to addresses that
// only the server reaches; none is connected to. That there is something good to
// be had is what allow_private shows.
func TestAddressesThatAreNotPublic(t *testing.T) {
	s := newSite(t, documentOf(good(t)))
	config := fmt.Sprintf(`{"ca": %q, "domains": ["*"]}`, s.authority.file)
	for _, address := range []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
		"192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
		"64:ff9b::7f00:1", "2002:7f00:1::1", "2001:0:7f00:1::1", "::127.0.0.1", "2001:db8::1",
	} {
		r := s.reaching(t, config, &answers{each: [][]netip.Addr{addresses(address)}})
		check(t, address, r, "has no public address", true)
	}
	if n := s.hits.Load(); n != 0 {
		t.Errorf("%d requests came", n)
	}
	r := s.reaching(t, `{"allow_private": true, `+config[1:], &answers{each: [][]netip.Addr{addresses("127.0.0.1")}})
	if a, err := ask(t, r, "example.com/joe/db"); err != nil || a.Denied != "" {
		t.Errorf("with allow_private: %+v, %v", a, err)
	}
	for _, address := range []string{"8.8.8.8", "1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"} {
		if !isPublic(netip.MustParseAddr(address)) {
			t.Errorf("%s is not taken for a public address", address)
		}
	}
}

// Attack: SSRF through a chain's name that is an address, or of a domain that
// nobody listed. Nothing is looked up, and nothing connected to.
func TestOnlyListedDomainsAreAsked(t *testing.T) {
	s := newSite(t, documentOf(good(t)))
	names := &answers{each: [][]netip.Addr{addresses("127.0.0.1")}}
	for _, domains := range []string{`["*"]`, `["example.com"]`} {
		r := s.reaching(t, fmt.Sprintf(`{"allow_private": true, "ca": %q, "domains": %s}`, s.authority.file, domains), names)
		for _, chain := range []chainname.Name{"127.0.0.1/joe/db", "169.254.169.254/joe/db", "localhost/joe/db", "a.localhost/joe/db", "10.1/joe/db", "engineers/db"} {
			if a, err := ask(t, r, chain); err != nil || a.Denied == "" {
				t.Errorf("%s: %+v, %v", chain, a, err)
			}
		}
	}
	if names.asked.Load() != 0 || s.hits.Load() != 0 {
		t.Errorf("%d names were looked up, %d requests came", names.asked.Load(), s.hits.Load())
	}
}

// Attack: DNS rebinding. A name has a public address when it is checked, and this
// machine's when it is connected to; or it has both at once. It is looked up but
// once, and this machine is not connected to.
func TestRebinding(t *testing.T) {
	s := newSite(t, documentOf(good(t)))
	config := fmt.Sprintf(`{"ca": %q, "domains": ["*"], "timeout": "300ms"}`, s.authority.file)
	for name, each := range map[string][][]netip.Addr{
		"one after the other": {addresses(nowhere), addresses("127.0.0.1")},
		"at once":             {addresses("127.0.0.1", nowhere, "::1", "127.0.0.1")},
	} {
		names := &answers{each: each}
		a, err := ask(t, s.reaching(t, config, names), "example.com/joe/db")
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
		if names.asked.Load() != 1 || s.hits.Load() != 0 {
			t.Errorf("%s: the name was looked up %d times, and %d requests came", name, names.asked.Load(), s.hits.Load())
		}
	}
	d := &dialer{timeout: time.Second}
	if _, err := d.dial(t.Context(), "tcp", netip.MustParseAddr("127.0.0.1"), s.port); err == nil || !strings.Contains(err.Error(), errNotPublic.Error()) {
		t.Errorf("a connection to this machine, past the first check: %v", err)
	}
}

// Attack: a redirect, to another host or to the same. None is followed.
func TestRedirect(t *testing.T) {
	other := newSite(t, answering(good(t)))
	var to string
	var code int
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(code)
	})
	r := s.resolver(t, settings)
	var asked int32
	for _, to = range []string{other.URL + wellKnown, "https://git.example.com/", "http://169.254.169.254/latest/meta-data/", "/elsewhere", "https://ex\u00e4mple.com/\u202e", strings.Repeat("x", 5000)} {
		for _, code = range []int{301, 302, 303, 307, 308} {
			check(t, fmt.Sprintf("%d to %.50q", code, to), r, "redirects are not followed", false)
			if asked++; s.hits.Load() != asked || other.hits.Load() != 0 {
				t.Errorf("%d to %s: %d requests came for %d questions, %d to the other", code, to, s.hits.Load(), asked, other.hits.Load())
			}
		}
	}
}

// Attack: a huge body, with its length and without, or one that becomes huge when
// it is unpacked; and a huge header.
func TestHugeAnswers(t *testing.T) {
	megabyte := bytes.Repeat([]byte(" "), 1<<20)
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	for range 10 {
		_, _ = zip.Write(megabyte)
	}
	_ = zip.Close()
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		says    string
	}{
		"10 MB": {func(w http.ResponseWriter, _ *http.Request) {
			for range 10 {
				_, _ = w.Write(megabyte)
			}
		}, "more than the 1048576 bytes"},
		"10 MB, as it says": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(10<<20))
			for range 10 {
				_, _ = w.Write(megabyte)
			}
		}, "more than the 1048576 bytes"},
		"a byte too much": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(append(megabyte, ' ')) }, "more than the 1048576 bytes"},
		"packed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		}, "it is not JSON"},
		"a header": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range 100 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 1000))
			}
		}, "cannot be asked"},
		"shorter than it says": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, good(t))
		}, "broke off"},
	} {
		s := newSite(t, c.handler)
		check(t, name, s.resolver(t, settings), c.says, false)
	}
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(append([]byte(good(t)), megabyte[:len(megabyte)-len(good(t))]...))
	})
	if a, err := ask(t, s.resolver(t, settings), "example.com/joe/db"); err != nil || a.Denied != "" {
		t.Errorf("as much as is allowed: %+v, %v", a, err)
	}
}

// Attack: slow loris. A server that says nothing, or says it byte by byte, ends
// with the time that the operator set; and a question that is given up ends at
// once.
func TestSlowServers(t *testing.T) {
	drip := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte(" "))
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, handler := range map[string]http.HandlerFunc{"dripping": drip, "hanging": hang} {
		s := newSite(t, handler)
		within(t, name, 3*time.Second, func() {
			check(t, name, s.resolver(t, settings+`, "timeout": "300ms"`), "did not answer within 300ms", false)
		})
		r := s.resolver(t, settings)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		within(t, name+", given up", 3*time.Second, func() {
			if _, err := r.ask(ctx, mustSubject(t, r)); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "given up") {
				t.Errorf("%s, given up: %v", name, err)
			}
		})
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // which never says a word of TLS
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s := newSite(t, hang)
	_, s.port, _ = net.SplitHostPort(listener.Addr().String())
	within(t, "no handshake", 3*time.Second, func() {
		check(t, "no handshake", s.resolver(t, settings+`, "timeout": "300ms"`), "did not answer within 300ms", false)
	})
}

func within(tb testing.TB, name string, limit time.Duration, f func()) {
	tb.Helper()
	begun := time.Now()
	if f(); time.Since(begun) > limit {
		tb.Errorf("%s: it took %v", name, time.Since(begun))
	}
}

// Attack: somebody else answers in the domain's place. Without a certificate for
// the domain, that is in date and by somebody who is trusted, nothing is taken.
func TestCertificates(t *testing.T) {
	later := time.Now().Add(time.Hour)
	for name, of := range map[string]func(s *site) tls.Certificate{
		"of another domain":    func(s *site) tls.Certificate { return s.authority.certificate(t, later, "example.org") },
		"of a domain under it": func(s *site) tls.Certificate { return s.authority.certificate(t, later, "*.example.com") },
		"out of date": func(s *site) tls.Certificate {
			return s.authority.certificate(t, time.Now().Add(-time.Minute), names...)
		},
		"by an unknown one":      func(*site) tls.Certificate { return newAuthority(t).certificate(t, later, names...) },
		"of the address instead": func(s *site) tls.Certificate { return s.authority.certificate(t, later, "127.0.0.1") },
	} {
		s := newSite(t, documentOf(good(t)))
		s.TLS.Certificates[0] = of(s)
		check(t, name, s.resolver(t, settings), "certificate", false)
		if s.hits.Load() != 0 {
			t.Errorf("%s: a request came", name)
		}
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: answering(good(t))}
	go func() { _ = server.Serve(plain) }()
	defer server.Close()
	s := newSite(t, documentOf(good(t)))
	_, s.port, _ = net.SplitHostPort(plain.Addr().String())
	check(t, "HTTP without TLS", s.resolver(t, settings), "cannot be asked", false)
	server.Close()
	r := s.resolver(t, settings)
	check(t, "nobody there", r, "connection refused", false)
	if _, err := ask(t, r, "example.com/joe/db"); strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("the address of who is not there is told: %v", err)
	}
}

// Attack: the environment names a proxy, to which every question would go.
func TestNoProxy(t *testing.T) {
	proxy := newSite(t, status(http.StatusTeapot))
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://"+proxy.Listener.Addr().String())
	}
	s := newSite(t, documentOf(good(t)))
	if a, err := ask(t, s.resolver(t, settings), "example.com/joe/db"); err != nil || a.Denied != "" {
		t.Errorf("%+v, %v", a, err)
	}
}

// Attack: downgrade to insecure DNS. With DNSSEC, a name whose address is not
// proven is not connected to.
func TestDowngrade(t *testing.T) {
	s := newSite(t, documentOf(good(t)))
	other := newSite(t, documentOf(good(t))) // of which the anchors are others'
	s.dns.Server = other.dns.Server
	check(t, "an address by another DNS", s.resolver(t, settings), "DNSSEC", false)
	if s.hits.Load() != 0 {
		t.Error("a request came")
	}
	s.dns = plugin.DNS{Server: other.dns.Server}
	r := s.resolver(t, `"domains": ["*"]`)
	if a, err := ask(t, r, "example.com/joe/db"); err != nil || a.Denied != "" {
		t.Errorf("without DNSSEC: %+v, %v", a, err)
	}
	if a, err := ask(t, r, "absent.com/joe/db"); err != nil || !strings.Contains(a.Denied, "has no address in DNS") {
		t.Errorf("a domain that is not there: %+v, %v", a, err)
	}
}

// Attack: a flood of questions to a host that never answers. It takes that host's
// places, and leaves others theirs.
func TestFlood(t *testing.T) {
	release := make(chan struct{})
	document := documentOf(good(t))
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Host, "git.example.com") {
			<-release
		}
		document(w, r)
	})
	r := s.resolver(t, `"domains": ["*"], "timeout": "30s", "ssh_keys": {"example.org": "https://git.example.com/{name}.keys"}`)
	refused, let := make(chan struct{}), make(chan struct{})
	for i := range 2 * maxAskedHost {
		go func() {
			_, err := ask(t, r, chainname.Name(fmt.Sprintf("example.org/u%d/db", i)))
			if fault.Is(err, fault.Unavailable) && strings.Contains(err.Error(), "too many") {
				refused <- struct{}{}
			} else {
				let <- struct{}{}
			}
		}()
	}
	for range maxAskedHost { // the others, all of them, wait
		<-refused
	}
	for range 5 {
		if a, err := ask(t, r, "example.com/joe/db"); err != nil || a.Denied != "" {
			t.Errorf("among the flood: %+v, %v", a, err)
		}
	}
	close(release)
	for range maxAskedHost {
		<-let
	}
	if !isEmpty(&r.fetcher.flights) {
		t.Error("places are still taken")
	}
}

func isEmpty(f *flights) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.byURL)+len(f.hosts) == 0
}

// Those who ask the same at the same time share an answer, and the next one asks
// again. There are only so many questions in all.
func TestFlights(t *testing.T) {
	var f flights
	release, asked := make(chan struct{}), atomic.Int32{}
	join := func(host string) (*flight, error) {
		return f.join(&url.URL{Scheme: "https", Host: host}, time.Minute, func(context.Context, *url.URL) ([]byte, error) {
			asked.Add(1)
			<-release
			return []byte(host), nil
		})
	}
	first, err := join("a")
	if err != nil {
		t.Fatal(err)
	}
	if second, err := join("a"); err != nil || second != first {
		t.Errorf("the same question is asked twice: %v", err)
	}
	all := []*flight{first}
	for i := 1; i < maxAsked; i++ {
		next, err := join(fmt.Sprint("host", i))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, next)
	}
	if _, err := join("b"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("one question more than is allowed: %v", err)
	}
	close(release)
	for _, under := range all {
		<-under.done
	}
	if string(first.body) != "a" || asked.Load() != maxAsked || !isEmpty(&f) {
		t.Errorf("the answer is %q, %d questions were asked", first.body, asked.Load())
	}
	if again, err := join("a"); err != nil || again == first {
		t.Errorf("an answer is kept: %v", err)
	}
}
