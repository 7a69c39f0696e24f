package https

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/auth/authtest"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/plugin"
)

const settings = `"domains": ["example.com"], "groups": {"engineers": "example.com"}, "ttl": "90s"`

// sshLine is a public SSH key whose bytes are n, repeated, and the key of it.
func sshLine(tb testing.TB, n byte) (line string, key keys.PublicKey) {
	tb.Helper()
	raw := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	var blob []byte
	for _, part := range [][]byte{[]byte("ssh-ed25519"), raw} {
		blob = append(binary.BigEndian.AppendUint32(blob, uint32(len(part))), part...)
	}
	key, err := keys.Ed25519PublicKey(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(blob) + " joe@laptop", key
}

func identity(tb testing.TB, name string) keys.PublicIdentity {
	tb.Helper()
	id, err := keys.NewIdentity(name)
	if err != nil {
		tb.Fatal(err)
	}
	return id.Public()
}

func TestContract(t *testing.T) {
	joe := identity(t, "joe").Text()
	authtest.Run(t, func(tb testing.TB) authtest.Subject {
		s := newSite(tb, documentOf(`{"version": 1, "users": {"joe": ["`+joe+`"]}}`))
		return authtest.Subject{
			Resolver: s.resolver(tb, `"domains": ["*"]`),
			Granted:  "example.com/joe/db", Denied: "example.com/ann/db", Stalled: "silent.com/joe/db",
		}
	})
}

// Users and groups get the keys that the document lists, each once, and nobody
// else gets any.
func TestDocument(t *testing.T) {
	joe, ann, other := identity(t, "joe"), identity(t, "ann"), event.Hash{1}
	s := newSite(t, documentOf(fmt.Sprintf(`{"version": 1,
		"users": {"joe": [%q, %q, %q, %q], "ann": [%q], "engineers": [%q], "broken": ["ate-sign-v1:AA"]},
		"groups": {"engineers": [%q], "joe": [%q]}}`,
		joe.Signing, joe.Text(), joe.Signing.Text(), keys.FormatID(other), ann.Signing.Text(), ann.Text(), joe.Signing, ann.Text())))
	r := s.resolver(t, settings)
	for chain, want := range map[chainname.Name]auth.Answer{
		"example.com/joe/db": {RootKeys: [][]byte{joe.Signing.Bytes()}, RootKeyIDs: []event.Hash{other}, TTL: 90 * time.Second},
		"example.com/ann/db": {RootKeys: [][]byte{ann.Signing.Bytes()}, TTL: 90 * time.Second},
		"engineers/db":       {RootKeyIDs: []event.Hash{joe.Signing.ID()}, TTL: 90 * time.Second},
	} {
		if a, err := ask(t, r, chain); err != nil || !reflect.DeepEqual(a, want) {
			t.Errorf("%s: %+v, %v", chain, a, err)
		}
	}
	for chain, says := range map[chainname.Name]string{
		"example.com/eve/db": "does not list eve@example.com", "example.com/broken/db": "key 1 is not one", "joe/db": "has not said whose",
	} {
		if a, err := ask(t, r, chain); err != nil || !strings.Contains(a.Denied, says) || a.TTL != 90*time.Second {
			t.Errorf("%s: %+v, %v; want a denial that says %q", chain, a, err, says)
		}
	}
}

// A domain that says that there is nothing denies; one that says something else,
// or nothing, leaves it open.
func TestWhatServersSay(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		says    string
		denies  bool
	}{
		"not found":       {http.NotFound, "there is nothing at https://example.com/.well-known/atedb/keys.json", true},
		"gone":            {status(http.StatusGone), "there is nothing at", true},
		"another version": {answering(`{"version": 2, "people": {}}`), "it is of version 2", true},
		"forbidden":       {status(http.StatusForbidden), "status 403", false},
		"an error":        {status(http.StatusInternalServerError), "status 500", false},
		"no content":      {status(http.StatusNoContent), "status 204", false},
		"a page":          {answering("<!DOCTYPE html>"), "it is not JSON", false},
		"nothing":         {answering(""), "it is cut off", false},
		"an empty one":    {answering(`{"version": 1}`), "does not list joe", true},
		"no version":      {answering(`{"users": {}}`), "does not begin with its version", false},
	} {
		s := newSite(t, c.handler)
		check(t, name, s.resolver(t, settings), c.says, c.denies)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// check wants a denial or an unavailable fault about joe with a sentence.
func check(tb testing.TB, name string, r *Resolver, says string, denies bool) {
	tb.Helper()
	a, err := ask(tb, r, "example.com/joe/db")
	switch {
	case len(a.RootKeys)+len(a.RootKeyIDs) > 0, err == nil && a.Denied == "":
		tb.Errorf("%s: granted: %+v", name, a)
	case denies && !strings.Contains(a.Denied, says), !denies && (!fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), says)):
		tb.Errorf("%s: %+v, %v; want it to say %q, as a denial: %v", name, a, err, says, denies)
	}
	if text := fmt.Sprint(a.Denied, err); strings.ContainsAny(text, "\n\r\x1b") || len(text) > 1000 {
		tb.Errorf("%s: what it says is not a sentence: %q", name, text)
	}
}

// SSH-style lists give their ed25519 keys and no others, for the domain that the
// operator opted in for.
func TestSSHKeys(t *testing.T) {
	first, firstKey := sshLine(t, 1)
	second, secondKey := sshLine(t, 2)
	var many strings.Builder
	for n := range byte(auth.MaxRootKeys + 1) {
		line, _ := sshLine(t, n)
		many.WriteString(line + "\n")
	}
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		text, ok := map[string]string{
			"/keys/joe.keys":  "# joe's\r\n" + first + "\r\n\nssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ== old\nrestrict " + second + "\n" + first + "\n" + second,
			"/keys/a+b.keys":  second + "\n",
			"/keys/rsa.keys":  "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ== old\n",
			"/keys/none.keys": "", "/keys/page.keys": "<!DOCTYPE html>\n<html>", "/keys/many.keys": many.String(),
		}[r.URL.Path]
		if !ok || !strings.HasPrefix(r.Host, "git.example.com") {
			http.NotFound(w, r)
		}
		_, _ = w.Write([]byte(text))
	})
	r := s.resolver(t, `"domains": ["example.com"], "ssh_keys": {"example.com": "https://git.example.com/keys/{name}.keys"}`)
	for chain, want := range map[chainname.Name][][]byte{
		"example.com/joe/db": {firstKey.Bytes(), secondKey.Bytes()}, "example.com/a+b/db": {secondKey.Bytes()},
	} {
		if a, err := ask(t, r, chain); err != nil || !reflect.DeepEqual(a.RootKeys, want) || len(a.RootKeyIDs) > 0 {
			t.Errorf("%s: %+v, %v", chain, a, err)
		}
	}
	for user, says := range map[string]string{
		"rsa": "no ssh-ed25519 key", "none": "no ssh-ed25519 key", "page": "no ssh-ed25519 key", "many": "more than 64", "eve": "there is nothing at",
	} {
		if a, err := ask(t, r, chainname.Name("example.com/"+user+"/db")); err != nil || !strings.Contains(a.Denied, says) {
			t.Errorf("%s: %+v, %v; want a denial that says %q", user, a, err, says)
		}
	}
	if a, err := ask(t, s.resolver(t, settings), "example.com/joe/db"); err != nil || a.Denied == "" {
		t.Errorf("without opting in: %+v, %v", a, err)
	}
}

// Attack: an Ed25519 key is listed where keys are quantum-resistant.
func TestDocumentHasNoEd25519(t *testing.T) {
	line, key := sshLine(t, 1)
	for _, text := range []string{key.Text(), line} {
		s := newSite(t, documentOf(`{"version": 1, "users": {"joe": ["`+text+`"]}}`))
		check(t, text, s.resolver(t, settings), "key 1 is not one", true)
	}
}

func TestBadConfig(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ssh := func(url string) string { return `{"domains": ["a.b"], "ssh_keys": {"a.b": "` + url + `"}}` }
	for config, want := range map[string]string{
		``: "domains", `{"domains": []}`: "domains", `{"domains": ["10.0.0.1"]}`: "10.0.0.1", `{"domain": ["a.b"]}`: "domain",
		`{"domains": ["a.b"], "ttl": "25h"}`: "ttl", `{"domains": ["a.b"], "timeout": "1h"}`: "timeout", `{"domains": ["a.b"], "timeout": 0}`: "timeout",
		`{"domains": ["a.b"], "max_size": "2MiB"}`: "max_size", `{"domains": ["a.b"], "max_size": 0}`: "max_size",
		`{"domains": ["a.b"], "ca": "/nowhere"}`: "/nowhere", `{"domains": ["a.b"], "ca": "` + empty + `"}`: "holds no certificate", `{"domains": ["a.b"], "ca": "/dev"}`: "/dev",
		`{"domains": ["a.b"], "groups": {"x": "c.d"}}`: "c.d", `{"domains": ["a.b"], "ssh_keys": {"c.d": "https://c.d/{name}"}}`: "c.d",
		`{"domains": ["*.b"], "ssh_keys": {"*.b": "https://c.d/{name}"}}`:                         "*.b",
		`{"domains": ["a.b"], "groups": {"x": "a.b"}, "ssh_keys": {"a.b": "https://c.d/{name}"}}`: "only users",
		ssh("http://c.d/{name}"): "https://", ssh("https://c.d/name"): "{name}", ssh("https://c.d/{name}/{name}"): "{name}",
		ssh("https://{name}.c.d/keys"): "before its path", ssh("https://{name}"): "before its path", ssh("https://c.d:{name}/"): "not the URL", ssh("https://c.d?{name}"): "not the URL",
		ssh("https://c.d/?user={name}"): "query", ssh("https://c.d/#{name}"): "fragment", ssh("https://joe@c.d/{name}"): "neither a user",
		ssh("https:{name}"): "not the URL", ssh("https:///{name}"): "not the URL", ssh("{name}"): "not the URL", ssh("https://c.d{name}"): "before its path",
	} {
		if err := New().Validate([]byte(config)); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("Validate(%s) = %v; want a bad_config fault that has %q", config, err, want)
		}
		if err := New().Configure(t.Context(), plugin.Setup{Config: []byte(config)}); !fault.Is(err, fault.BadConfig) {
			t.Errorf("Configure(%s) = %v", config, err)
		}
	}
	if err := New().Configure(t.Context(), plugin.Setup{Config: []byte(`{` + settings + `}`), DNS: plugin.DNS{Server: "dns.example"}}); !fault.Is(err, fault.BadConfig) {
		t.Errorf("with a DNS server that is no address: %v", err)
	}
	if a, err := ask(t, New(), "example.com/joe/db"); err != nil || a.Denied == "" {
		t.Errorf("before it is configured: %+v, %v", a, err)
	}
}
