package dns

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/dns/dnstest"
	"github.com/atedb/atedb/sdk/fault"
)

// newTree returns a root, test. and x.test. with records of all kinds.
func newTree(t *testing.T) *dnstest.Tree {
	tree := dnstest.NewTree(t)
	tree.Zone("test.", "w.test. 60 IN CNAME x.test.")
	tree.Zone("x.test.",
		"x.test. 300 IN A 192.0.2.1", "x.test. 300 IN AAAA 2001:db8::1",
		`x.test. 300 IN TXT "hel" "lo"`, `x.test. 300 IN TXT "two"`,
		"four.x.test. 300 IN A 192.0.2.4", `odd.x.test. 300 IN TXT "a\"b\\c\000\255;d"`)
	return tree
}

// resolver returns one that asks the tree and has its own files of the system,
// none of which is there.
func resolver(t *testing.T, c Config) *Resolver {
	t.Helper()
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.hosts = filepath.Join(t.TempDir(), "hosts")
	r.resolvConf = filepath.Join(t.TempDir(), "resolv.conf")
	r.tryTime = 300 * time.Millisecond
	return r
}

// both runs a test with a resolver that believes the server, and one that does
// not.
func both(t *testing.T, f func(*testing.T, *dnstest.Tree, *Resolver)) {
	t.Run("believed", func(t *testing.T) {
		tree := newTree(t)
		f(t, tree, resolver(t, Config{Server: tree.Serve(t)}))
	})
	t.Run("proven", func(t *testing.T) {
		tree := newTree(t)
		f(t, tree, resolver(t, Config{Server: tree.Serve(t), Secure: true, Anchors: tree.AnchorsFile(t)}))
	})
}

func wantErr(t *testing.T, what string, err error, code fault.Code, words ...string) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("%s: %v; want the code %s", what, err, code)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %q; want %q in it", what, err, word)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func ctx() context.Context { return context.Background() }
