package https

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/dns/dnstest"
	"github.com/atedb/atedb/sdk/plugin"
)

// authority is who vouches for the sites of the tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate in PEM
}

func newAuthority(tb testing.TB) *authority {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	key := newKey(tb)
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		tb.Fatal(err)
	}
	a := &authority{cert: cert, key: key, file: filepath.Join(tb.TempDir(), "ca.pem")}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	if err := os.WriteFile(a.file, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	return a
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// certificate vouches for some names, until a time.
func (a *authority) certificate(tb testing.TB, until time.Time, names ...string) tls.Certificate {
	tb.Helper()
	key := newKey(tb)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// site is a server on this machine for the domains of the tests, and a DNS that
// says so, signed.
type site struct {
	*httptest.Server
	authority *authority
	dns       plugin.DNS
	port      string
	hits      atomic.Int32 // requests that came
}

var names = []string{"example.com", "git.example.com", "silent.com"}

func newSite(tb testing.TB, handler http.HandlerFunc) *site {
	tb.Helper()
	s := &site{authority: newAuthority(tb)}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		handler(w, r)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{s.authority.certificate(tb, time.Now().Add(time.Hour), names...)}}
	s.StartTLS()
	tb.Cleanup(func() {
		s.CloseClientConnections() // on which somebody may wait for ever
		s.Close()
	})
	_, s.port, _ = net.SplitHostPort(s.Listener.Addr().String())
	tree := dnstest.NewTree(tb)
	tree.Zone("com.", "example.com. 300 IN A 127.0.0.1", "git.example.com. 300 IN A 127.0.0.1", "silent.com. 300 IN A 127.0.0.1")
	s.dns = plugin.DNS{Server: tree.Serve(tb), Secure: true, Anchors: tree.AnchorsFile(tb)}
	return s
}

// resolver returns the plugin with more of a configuration than what makes it
// reach the site.
func (s *site) resolver(tb testing.TB, more string) *Resolver {
	tb.Helper()
	return s.reaching(tb, fmt.Sprintf(`{"allow_private": true, "ca": %q, %s}`, s.authority.file, more), nil)
}

// reaching returns the plugin with a configuration, that connects to the site's
// port instead of HTTPS's own, and looks names up in another way if one is given.
func (s *site) reaching(tb testing.TB, config string, names lookup) *Resolver {
	tb.Helper()
	r := New()
	if err := r.Configure(tb.Context(), plugin.Setup{Config: []byte(config), DNS: s.dns}); err != nil {
		tb.Fatal(err)
	}
	r.dialer.port = s.port
	if names != nil {
		r.dialer.lookup = names
	}
	return r
}

func ask(tb testing.TB, r *Resolver, chain chainname.Name) (auth.Answer, error) {
	tb.Helper()
	return r.Resolve(tb.Context(), auth.Query{Chain: chain})
}

// answering answers everything with a text.
func answering(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// documentOf answers as example.com does with a key document, and has no other
// page; silent.com never answers.
func documentOf(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.Host, "silent.com"):
			<-r.Context().Done()
		case r.URL.Path == wellKnown && r.Host == "example.com":
			_, _ = io.WriteString(w, text)
		default:
			http.NotFound(w, r)
		}
	}
}
