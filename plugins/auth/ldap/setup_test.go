package ldap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/plugin"
)

const (
	testDN       = "cn=atedb,dc=example,dc=com"
	testPassword = "correct horse battery staple"
)

// identities are those that identity has made, since that takes long.
var identities sync.Map

// identity makes keys that are the same each time a test is run.
func identity(tb testing.TB, n byte) keys.PublicIdentity {
	tb.Helper()
	if made, ok := identities.Load(n); ok {
		return made.(keys.PublicIdentity)
	}
	signing, err := keys.SigningKeyFromSeed(bytes.Repeat([]byte{n}, keys.SigningSeedSize))
	if err != nil {
		tb.Fatal(err)
	}
	read, err := keys.ReadKeyFromSeed(bytes.Repeat([]byte{n}, keys.ReadSeedSize))
	if err != nil {
		tb.Fatal(err)
	}
	made := (&keys.Identity{Name: "test", Signing: signing, Read: read}).Public()
	identities.Store(n, made)
	return made
}

// people is the directory of most tests: joe has a whole key, ann the id of one.
func people(tb testing.TB) []record {
	joe, ann := identity(tb, 1), identity(tb, 2)
	return parseLDIF(strings.NewReplacer("JOE", joe.Text(), "ANN", keys.FormatID(ann.Signing.ID())).Replace(`
dn: dc=example,dc=com

dn: ou=people,dc=example,dc=com

dn: uid=joe,ou=people,dc=example,dc=com
uid: joe
mail: joe@example.com
description: likes sailing
description: JOE

dn: uid=ann,ou=people,dc=example,dc=com
uid: ann
mail: ann@example.com
description: ANN

dn: uid=kim,ou=people,dc=example,dc=com
uid: kim
mail: kim@example.com
description: has no key

dn: uid=pat,ou=people,dc=example,dc=com
mail: pat@example.com
description: ate-sign-v1:AXnc

dn: uid=max1,ou=people,dc=example,dc=com
mail: max@example.com
description: JOE

dn: uid=max2,ou=people,dc=example,dc=com
mail: max@example.com
description: ANN

dn: uid=boss,ou=secret,dc=example,dc=com
mail: boss@example.com
description: ANN

dn: ou=groups,dc=example,dc=com

dn: cn=engineers,ou=groups,dc=example,dc=com
cn: engineers
member: uid=joe,ou=people,dc=example,dc=com
member: UID=Ann, ou=People, dc=example, dc=com
member: uid=kim,ou=people,dc=example,dc=com
member: uid=left,ou=people,dc=example,dc=com
member: cn=interns,ou=groups,dc=example,dc=com

dn: cn=interns,ou=groups,dc=example,dc=com
cn: interns
member: uid=kim,ou=people,dc=example,dc=com

dn: cn=nobody,ou=groups,dc=example,dc=com
cn: nobody

dn: cn=posix,ou=groups,dc=example,dc=com
cn: posix
member: joe
`))
}

// configMap is a configuration in the making.
type configMap map[string]any

// configFor returns a good configuration for a directory, with other keys over it.
func configFor(tb testing.TB, d *ldapServer, scheme string, others configMap) configMap {
	tb.Helper()
	c := configMap{
		"url": scheme + "://" + d.address(), "domains": []string{"example.com"}, "timeout": "20s",
		"user_base": "ou=people,dc=example,dc=com", "group_base": "ou=groups,dc=example,dc=com",
	}
	if d.bindDN != "" {
		path := filepath.Join(tb.TempDir(), "password")
		if err := os.WriteFile(path, []byte(d.password+"\n"), 0o600); err != nil {
			tb.Fatal(err)
		}
		c["bind_dn"], c["bind_password_file"] = d.bindDN, path
	}
	for key, value := range others {
		c[key] = value
	}
	return c
}

// log is what the plugin logs, readable while it does.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// configured returns the plugin, and its log.
func configured(tb testing.TB, c configMap) (*Resolver, *log) {
	tb.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		tb.Fatal(err)
	}
	r, l := New(), new(log)
	if err := r.Validate(text); err != nil {
		tb.Fatalf("Validate(%s): %v", text, err)
	}
	setup := plugin.Setup{Config: text, Logger: hclog.New(&hclog.LoggerOptions{Output: l, Level: hclog.Trace})}
	if err := r.Configure(tb.Context(), setup); err != nil {
		tb.Fatalf("Configure(%s): %v", text, err)
	}
	tb.Cleanup(func() { _ = r.Shutdown(tb.Context()) })
	return r, l
}

// plain returns the plugin with a directory on the loopback interface, with the
// usual people.
func plain(tb testing.TB, others configMap, hook func(*session, request) bool) (*Resolver, *ldapServer) {
	tb.Helper()
	d := &ldapServer{records: people(tb), bindDN: testDN, password: testPassword, hook: hook}
	d.start(tb, nil)
	r, _ := configured(tb, configFor(tb, d, "ldap", others))
	return r, d
}

// resolve returns "N keys, M ids", "denied: …" or the error.
func resolve(tb testing.TB, r *Resolver, chain chainname.Name) string {
	tb.Helper()
	a, err := r.Resolve(tb.Context(), auth.Query{Chain: chain})
	switch {
	case err != nil:
		if !fault.Is(err, fault.Unavailable) {
			tb.Errorf("Resolve(%s): %v; want an unavailable fault", chain, err)
		}
		if len(a.RootKeys)+len(a.RootKeyIDs) > 0 || a.Denied != "" {
			tb.Errorf("Resolve(%s) has both an answer and an error", chain)
		}
		return err.Error()
	case a.Denied != "":
		if len(a.RootKeys)+len(a.RootKeyIDs) > 0 {
			tb.Errorf("Resolve(%s) is a denial with keys", chain)
		}
		return "denied: " + a.Denied
	}
	return fmt.Sprintf("%d keys, %d ids", len(a.RootKeys), len(a.RootKeyIDs))
}

// wants fails the test unless the answer about a chain has some text.
func wants(tb testing.TB, r *Resolver, chain chainname.Name, want string) {
	tb.Helper()
	if got := resolve(tb, r, chain); !strings.Contains(got, want) {
		tb.Errorf("%s: %s; want %q in it", chain, got, want)
	}
}
