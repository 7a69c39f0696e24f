package ldap

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/auth/authtest"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/keys"
)

// stallFor hangs on the question about one user.
func stallFor(name string) func(*session, request) bool {
	return func(_ *session, r request) bool {
		return r.kind == goldap.ApplicationSearchRequest && strings.Contains(string(r.op.Bytes()), name)
	}
}

// The plugin keeps the contract however the connection is secured; a directory
// that hangs on one question does not hold up others.
func TestContract(t *testing.T) {
	ca := newAuthority(t)
	serverTLS := ca.issue(t, "127.0.0.1", time.Now().Add(time.Hour))
	for name, start := range map[string]func(testing.TB) *Resolver{
		"ldaps": func(tb testing.TB) *Resolver {
			d := &ldapServer{records: people(tb), bindDN: testDN, password: testPassword, hook: stallFor("stalled@")}
			d.start(tb, serverTLS)
			r, _ := configured(tb, configFor(tb, d, "ldaps", configMap{"ca": ca.path}))
			return r
		},
		"starttls": func(tb testing.TB) *Resolver {
			d := &ldapServer{records: people(tb), bindDN: testDN, password: testPassword, hook: stallFor("stalled@"), tls: serverTLS}
			d.start(tb, nil)
			r, _ := configured(tb, configFor(tb, d, "ldap", configMap{"ca": ca.path, "starttls": true}))
			return r
		},
		"plaintext": func(tb testing.TB) *Resolver {
			r, _ := plain(tb, nil, stallFor("stalled@"))
			return r
		},
	} {
		granted, denied := chainname.Name("example.com/joe/db"), chainname.Name("strangers/db")
		if name == "plaintext" { // a group once, which takes six searches
			granted, denied = "engineers/db", "example.com/kim/db"
		}
		t.Run(name, func(t *testing.T) {
			authtest.Run(t, func(tb testing.TB) authtest.Subject {
				return authtest.Subject{Resolver: start(tb), Granted: granted, Denied: denied, Stalled: "example.com/stalled/db"}
			})
		})
	}
}

// Every answer that a directory which works can lead to.
func TestAnswers(t *testing.T) {
	r, _ := plain(t, nil, nil)
	for chain, want := range map[chainname.Name]string{
		"example.com/joe/db":  "1 keys, 0 ids",
		"example.com/ann/db":  "0 keys, 1 ids",
		"engineers/db":        "1 keys, 1 ids",
		"example.com/eve/db":  "denied: eve@example.com may not have chains on this server: the directory has no such entry",
		"example.com/kim/db":  "denied: kim@example.com may not have chains on this server: there is no key in the directory",
		"example.com/pat/db":  "denied: pat@example.com may not have chains on this server: a key in the directory is damaged",
		"example.com/max/db":  "denied: max@example.com may not have chains on this server: more than one entry",
		"example.com/boss/db": "the directory has no such entry", // who is not under user_base
		"example.org/joe/db":  "its directory does not answer for users of example.org",
		"managers/db":         "the directory has no such entry",
		"interns/db":          "there is no key of a member in the directory",
		"nobody/db":           "there is no key of a member in the directory",
		"posix/db":            "a member of the group is no distinguished name",
	} {
		wants(t, r, chain, want)
	}
	joe, ann := identity(t, 1).Signing, identity(t, 2).Signing
	got, err := r.Resolve(t.Context(), auth.Query{Chain: "engineers/db"})
	if err != nil || !bytes.Equal(got.RootKeys[0], joe.Bytes()) || got.RootKeyIDs[0] != ann.ID() || got.TTL != defaultTTL || got.ChainOnly {
		t.Errorf("the group's answer is %+v, %v; want the keys of joe and ann for a minute", got, err)
	}
}

// The directory is asked for two entries and one attribute, and to follow no
// aliases, as the package's comment has it.
func TestWhatIsAsked(t *testing.T) {
	var asked atomic.Pointer[ber.Packet]
	r, _ := plain(t, nil, func(_ *session, r request) bool {
		if r.kind == goldap.ApplicationSearchRequest {
			asked.Store(r.op)
		}
		return false
	})
	for chain, want := range map[chainname.Name]struct {
		base  string
		scope int64
	}{"example.com/joe/db": {"ou=people,dc=example,dc=com", goldap.ScopeWholeSubtree}, "interns/db": {"uid=kim,ou=people,dc=example,dc=com", goldap.ScopeBaseObject}} {
		resolve(t, r, chain)
		op := asked.Load().Children
		if op[0].Data.String() != want.base || op[1].Value != want.scope || op[2].Value != int64(goldap.NeverDerefAliases) || op[3].Value != int64(2) ||
			op[4].Value != int64(20) || op[5].Value != false || len(op[7].Children) != 1 || op[7].Children[0].Data.String() != "description" {
			t.Errorf("about %s, the search is %q, scope %v, aliases %v, limits %v and %vs, %d attributes", chain, op[0].Data, op[1].Value, op[2].Value, op[3].Value, op[4].Value, len(op[7].Children))
		}
	}
}

// A directory that is asked about users only, or groups only, denies the others
// without a question.
func TestOnlyUsersOrGroups(t *testing.T) {
	r, d := plain(t, configMap{"group_base": ""}, nil)
	wants(t, r, "engineers/db", "its directory is not asked about groups")
	r, d2 := plain(t, configMap{"user_base": "", "domains": []string{}}, nil)
	wants(t, r, "example.com/joe/db", "does not answer for users of example.com")
	if d.connections.Load()+d2.connections.Load() != 0 {
		t.Error("the directory was asked all the same")
	}
}

// Filters may name users in other ways than by mail, and leave out those who
// may do nothing any more.
func TestFilters(t *testing.T) {
	r, _ := plain(t, configMap{"user_filter": "(&(uid={name})(!(description=likes*)))", "member_filter": "(!(uid=joe))"}, nil)
	wants(t, r, "example.com/ann/db", "0 keys, 1 ids")
	wants(t, r, "example.com/joe/db", "no such entry")
	wants(t, r, "engineers/db", "0 keys, 1 ids")
}

// Keys may stand in another attribute, together with what is none; the id of a
// key that is there as well counts once.
func TestKeyValues(t *testing.T) {
	joe, ann := identity(t, 1), identity(t, 2)
	var set keySet
	set.addValues([]string{
		keys.FormatID(joe.Signing.ID()), " " + joe.Text() + "\n", joe.Signing.Text(), joe.Text(), keys.FormatID(joe.Signing.ID()),
		keys.FormatID(ann.Signing.ID()), joe.Read.Text(), "", "ssh-ed25519 AAAA", "atekey", "x" + ann.Text(),
	})
	want := auth.Answer{RootKeys: [][]byte{joe.Signing.Bytes()}, RootKeyIDs: set.grant().RootKeyIDs}
	if got := set.grant(); !reflect.DeepEqual(got, want) || len(got.RootKeyIDs) != 1 || got.RootKeyIDs[0] != ann.Signing.ID() || set.broken != 0 {
		t.Errorf("the keys are %d whole and %v, and %d are broken; want one of joe and the id of ann's", len(got.RootKeys), got.RootKeyIDs, set.broken)
	}
	id := keys.FormatID(joe.Signing.ID())
	for _, value := range []string{
		joe.Text()[:2000], strings.Replace(joe.Text(), "-v1:", "-v2:", 1), joe.Signing.Text() + "A", id[:64], id[:64] + "x", strings.Repeat(id, 2),
		"ate-sign-v1:" + strings.Repeat("A", 100_000),
	} {
		var set keySet
		set.addValues([]string{value})
		if set.size() != 0 || set.broken != 1 {
			t.Errorf("%.30s… is %d keys and %d broken ones; want one broken", value, set.size(), set.broken)
		}
	}
}

// A group may have as many members as the configuration says, and a grant as
// many keys as the contract; beyond that nobody may write, rather than some.
func TestTooMany(t *testing.T) {
	const member = "dn: uid=u%d,ou=people,dc=example,dc=com\nuid: u%d\nmail: u%d@example.com\ndescription: %s\n\n"
	var ldif strings.Builder
	ids := make([]string, auth.MaxRootKeys+1)
	for i := range ids {
		var id [32]byte
		id[0], id[1] = byte(i), 1
		ids[i] = keys.FormatID(id)
		fmt.Fprintf(&ldif, member, i, i, i, ids[i])
	}
	group := func(name string, members int) {
		fmt.Fprintf(&ldif, "dn: cn=%s,ou=groups,dc=example,dc=com\ncn: %s\n", name, name)
		for i := range members {
			fmt.Fprintf(&ldif, "member: uid=u%d,ou=people,dc=example,dc=com\n", i)
		}
		ldif.WriteString("\n")
	}
	group("five", 5)
	group("six", 6)
	group("all", auth.MaxRootKeys)
	fmt.Fprintf(&ldif, member, 99, 99, 99, strings.Join(ids, "\ndescription: "))
	fmt.Fprintf(&ldif, member, 98, 98, 98, strings.Join(ids[1:], "\ndescription: "))
	ldif.WriteString("dn: cn=rich,ou=groups,dc=example,dc=com\ncn: rich\nmember: uid=u0,ou=people,dc=example,dc=com\nmember: uid=u98,ou=people,dc=example,dc=com\n\n")

	d := &ldapServer{records: parseLDIF(ldif.String())}
	d.start(t, nil)
	few, _ := configured(t, configFor(t, d, "ldap", configMap{"max_members": 5}))
	wants(t, few, "five/db", "0 keys, 5 ids")
	wants(t, few, "six/db", "the group has more than 5 members")
	r, _ := configured(t, configFor(t, d, "ldap", nil))
	wants(t, r, "all/db", "0 keys, 64 ids")
	wants(t, r, "example.com/u98/db", "0 keys, 64 ids")
	wants(t, r, "example.com/u99/db", "more than 64 keys")
	wants(t, r, "rich/db", "more than 64 keys")
}

// Active Directory gives the values of a long list a part at a time, under
// another name; such a group has too many members, and not none.
func TestPartOfALongList(t *testing.T) {
	r, _ := plain(t, nil, func(s *session, q request) bool {
		if q.kind != goldap.ApplicationSearchRequest {
			return false
		}
		s.entry(q.id, "cn=all,ou=groups,dc=example,dc=com", map[string][]string{"member": nil, "member;range=0-1": {"uid=joe,ou=people,dc=example,dc=com", "uid=ann,ou=people,dc=example,dc=com"}})
		s.result(q.id, goldap.ApplicationSearchResultDone, goldap.LDAPResultSuccess, "")
		return true
	})
	wants(t, r, "all/db", "more than 64 members")
}

// All questions share one connection.
func TestOneConnection(t *testing.T) {
	r, d := plain(t, nil, nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { wants(t, r, "engineers/db", "1 keys, 1 ids") })
	}
	wg.Wait()
	if connections, binds := d.connections.Load(), d.binds.Load(); connections != 1 || binds != 1 {
		t.Errorf("%d connections and %d logins were made; want one", connections, binds)
	}
}

// A plugin that stops leaves no connection, and makes none.
func TestShutdown(t *testing.T) {
	r, d := plain(t, nil, nil)
	wants(t, r, "example.com/joe/db", "1 keys")
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	wants(t, r, "example.com/joe/db", "stopping")
	if d.connections.Load() != 1 {
		t.Error("another connection was made")
	}
	wants(t, New(), "example.com/joe/db", "no configuration yet")
}

// BenchmarkResolve is what a question costs that the daemon has no answer for:
// one round trip.
func BenchmarkResolve(b *testing.B) {
	r, _ := plain(b, nil, nil)
	for chain := range map[chainname.Name]bool{"example.com/joe/db": true, "engineers/db": true} {
		b.Run(chain.Owner(), func(b *testing.B) {
			for b.Loop() {
				if _, err := r.Resolve(b.Context(), auth.Query{Chain: chain}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
