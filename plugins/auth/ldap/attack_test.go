package ldap

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"

	"github.com/atedb/atedb/sdk/chainname"
)

// Names that no parser of ours lets through get nobody's entry but their own,
// with every filter that people write: what stands in a name is never a part of
// the filter.
func TestInjectionThroughNames(t *testing.T) {
	names := []string{
		"*", "j*", "*)(mail=joe@example.com", "x)(|(mail=*", "joe)(objectClass=*", "x)))(|(uid=joe", `\6aoe`, `joe\00`, "joe\x00", "{owner}", "{domain}",
		"joé", "\xff", "joe)", "(joe", "joe&", "|", "!(joe)", "joe,ou=people", "joe ",
	}
	for _, filter := range []string{
		"(mail={owner})", "(uid={name})", "(&(uid={name})(mail=*@{domain}))", "(|(mail={owner})(uid={name}))", "(mail={name}@{domain})", "(&(uid=*)(!(uid={name})))",
	} {
		d := &ldapServer{records: people(t)}
		var asked atomic.Pointer[ber.Packet]
		d.hook = func(_ *session, r request) bool {
			if r.kind == goldap.ApplicationSearchRequest {
				asked.Store(r.op.Children[6])
			}
			return false
		}
		d.start(t, nil)
		r, _ := configured(t, configFor(t, d, "ldap", configMap{"user_filter": filter, "group_filter": strings.NewReplacer("{owner}", "{group}", "{name}", "{group}", "{domain}", "x").Replace(filter)}))
		shape := compile(t, strings.NewReplacer("{owner}", "joe@example.com", "{name}", "joe", "{domain}", "example.com").Replace(filter))
		for _, name := range names {
			chain := chainname.Name("example.com/" + name + "/db")
			if got := resolve(t, r, chain); !strings.HasPrefix(filter, "(&(uid=*)(!") && !strings.HasPrefix(got, "denied: ") {
				t.Errorf("with the filter %s, %q gets %s", filter, name, got)
			}
			if got := asked.Load(); !sameShape(got, shape) || !holds(got, name) {
				t.Errorf("with the filter %s, %q changes what is asked", filter, name)
			}
		}
	}
}

func compile(tb testing.TB, filter string) *ber.Packet {
	tb.Helper()
	p, err := goldap.CompileFilter(filter)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// sameShape reports whether two filters differ in values only.
func sameShape(a, b *ber.Packet) bool {
	if a.Tag != b.Tag || a.ClassType != b.ClassType || len(a.Children) != len(b.Children) {
		return false
	}
	for i := range a.Children {
		if !sameShape(a.Children[i], b.Children[i]) {
			return false
		}
	}
	return true
}

// holds reports whether a value in the filter has the text in it as it is.
func holds(f *ber.Packet, text string) bool {
	for _, child := range f.Children {
		if holds(child, text) {
			return true
		}
	}
	return bytes.Contains(f.Data.Bytes(), []byte(text))
}

// answering returns a hook that answers searches with what reply sends.
func answering(reply func(s *session, id int64)) func(*session, request) bool {
	return func(s *session, r request) bool {
		if r.kind == goldap.ApplicationSearchRequest {
			reply(s, r.id)
		}
		return r.kind == goldap.ApplicationSearchRequest
	}
}

func done(s *session, id int64, code uint16) {
	s.result(id, goldap.ApplicationSearchResultDone, code, "")
}

// A directory that answers with somebody else's entry gives nobody his keys.
func TestEntryOfAnotherUser(t *testing.T) {
	key := map[string][]string{"description": {identity(t, 3).Text()}}
	for _, dn := range []string{
		"uid=joe,ou=robots,dc=example,dc=com", "dc=example,dc=com", "uid=joe,ou=people,dc=example,dc=com,dc=evil", "uid=joe,xou=people,dc=example,dc=com", "no name", "",
	} {
		r, _ := plain(t, nil, answering(func(s *session, id int64) {
			s.entry(id, dn, key)
			done(s, id, goldap.LDAPResultSuccess)
		}))
		wants(t, r, "example.com/joe/db", "with an entry that is not there")
	}
	// Of a member, only the entry of that name counts.
	r, _ := plain(t, nil, func(s *session, q request) bool {
		if q.kind != goldap.ApplicationSearchRequest || !strings.HasPrefix(q.op.Children[0].Data.String(), "uid=joe") {
			return false
		}
		s.entry(q.id, "uid=eve,ou=people,dc=example,dc=com", key)
		done(s, q.id, goldap.LDAPResultSuccess)
		return true
	})
	wants(t, r, "engineers/db", "about a member of engineers with an entry that is not there")
}

// Two entries are as bad if the directory says so itself, by its limit; and if
// it shows one and says that there are more, it is not that one.
func TestTwoEntries(t *testing.T) {
	for count, want := range map[int]string{0: "finds more in user_base", 1: "finds more in user_base", 2: "more than one entry", 3: "more than one entry"} {
		r, _ := plain(t, nil, answering(func(s *session, id int64) {
			for i := range count {
				s.entry(id, fmt.Sprintf("uid=joe%d,ou=people,dc=example,dc=com", i), map[string][]string{"description": {identity(t, 3).Text()}})
			}
			done(s, id, goldap.LDAPResultSizeLimitExceeded)
		}))
		wants(t, r, "example.com/joe/db", want)
	}
}

// Another server that a directory refers to is never asked, nor sees a password.
func TestReferralsAreNotFollowed(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var followed atomic.Bool
	go func() {
		if c, err := other.Accept(); err == nil {
			followed.Store(true)
			c.Close()
		}
	}()
	url := "ldap://" + other.Addr().String() + "/ou=people,dc=example,dc=com"
	r, _ := plain(t, nil, answering(func(s *session, id int64) {
		s.result(id, goldap.ApplicationSearchResultDone, goldap.LDAPResultReferral, "", url)
	}))
	wants(t, r, "example.com/joe/db", "it refers to another server about user_base, which is not followed")

	// Active Directory adds references to whatever it finds at the top.
	r, _ = plain(t, nil, answering(func(s *session, id int64) {
		s.reference(id, url)
		s.entry(id, "uid=joe,ou=people,dc=example,dc=com", map[string][]string{"description": {identity(t, 3).Text()}})
		s.reference(id, url)
		done(s, id, goldap.LDAPResultSuccess)
	}))
	wants(t, r, "example.com/joe/db", "1 keys")
	r, _ = plain(t, nil, answering(func(s *session, id int64) {
		s.reference(id, url)
		done(s, id, goldap.LDAPResultSuccess)
	}))
	wants(t, r, "example.com/joe/db", "no such entry")
	if followed.Load() {
		t.Error("the plugin connected to the other server")
	}
}

// A directory that answers 10 MB is cut off long before, however it puts them.
func TestTenMegabytes(t *testing.T) {
	const size = 10 << 20
	value := strings.Repeat("x", 64<<10)
	key := map[string][]string{"description": {value}}
	for name, c := range map[string]struct {
		send func(s *session, id int64) error // some of it; an error once the plugin has gone
		want string
	}{
		"in one message": {func(s *session, _ int64) error {
			return s.write(append([]byte{0x30, 0x84, 0, size >> 16, 0, 0}, make([]byte, size)...))
		}, "a message of 10485760 bytes; at most 524288 are allowed"},
		"in references": {func(s *session, id int64) error {
			s.reference(id, value)
			return s.write(nil)
		}, "sends more than 524288 bytes for a request"},
		"in entries": {func(s *session, id int64) error {
			s.entry(id, "uid=joe,ou=people,dc=example,dc=com", key)
			return s.write(nil)
		}, "more than one entry"},
		"in replies to nothing": {func(s *session, _ int64) error {
			s.entry(12345, "uid=joe,ou=people,dc=example,dc=com", key)
			return s.write(nil)
		}, "sends more than 524288 bytes for a request"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := plain(t, nil, answering(func(s *session, id int64) {
				for range size / len(value) {
					if c.send(s, id) != nil {
						return
					}
				}
			}))
			wants(t, r, "example.com/joe/db", c.want)
		})
	}
}

// What is no LDAP, or LDAP that would cost much to decode, ends the connection
// and not the plugin.
func TestHostileBytes(t *testing.T) {
	deep := bytes.Repeat([]byte{0x30, 0x80}, 100_000)
	for name, c := range map[string]struct {
		bytes []byte
		want  string
	}{
		"HTTP":                    {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), "no LDAP message"},
		"an indefinite length":    {deep, "length is not written as LDAP has it"},
		"a length of 2 GiB":       {[]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, "a message of 2147483647 bytes"},
		"a length of 9 bytes":     {[]byte{0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1}, "length is not written"},
		"a nest of sequences":     {nested(40), "nested more than 16 deep"},
		"an element cut short":    {[]byte{0x30, 3, 0x02, 5, 1}, "an element that is not written"},
		"an element without size": {[]byte{0x30, 1, 0x02}, "an element that is not written"},
		"an entry without a name": {[]byte{0x30, 5, 0x02, 1, 2, 0x64, 0}, "the connection has ended"},
		"half a message":          {[]byte{0x30, 0x20, 0x02}, "does not answer in time"},
	} {
		t.Run(name, func(t *testing.T) {
			others := configMap{}
			if name == "half a message" {
				others["timeout"] = "300ms"
			}
			r, _ := plain(t, others, answering(func(s *session, _ int64) { _ = s.write(c.bytes) }))
			wants(t, r, "example.com/joe/db", c.want)
		})
	}
}

// nested returns a message with sequences in sequences.
func nested(depth int) []byte {
	var b []byte
	for range depth {
		b = append([]byte{0x30, byte(len(b))}, b...)
	}
	return b
}

// An entry for a value that is long, odd or of the wrong kind is no key.
func TestOddEntries(t *testing.T) {
	for name, attributes := range map[string]map[string][]string{
		"no attribute":       {},
		"no value":           {"description": nil},
		"another attribute":  {"descriptionx": {identity(t, 3).Text()}},
		"binary":             {"description": {"\x00\xff\xfe", strings.Repeat("\x00", 4096)}},
		"many empty values":  {"description": make([]string, 20_000)},
		"a subtype's values": {"description;lang-en": {identity(t, 3).Text()}},
	} {
		r, _ := plain(t, nil, answering(func(s *session, id int64) {
			s.entry(id, "uid=joe,ou=people,dc=example,dc=com", attributes)
			done(s, id, goldap.LDAPResultSuccess)
		}))
		if got := resolve(t, r, "example.com/joe/db"); !strings.Contains(got, "there is no key in the directory") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
