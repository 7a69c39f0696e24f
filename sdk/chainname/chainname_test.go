package chainname

import (
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
)

func TestParseAccepts(t *testing.T) {
	for _, test := range []struct{ name, domain, owner, db string }{
		{"example.com/joe/mydb", "example.com", "joe@example.com", "mydb"},
		{"sub.example.co.uk/joe.b+work/my-db_1.v2", "sub.example.co.uk", "joe.b+work@sub.example.co.uk", "my-db_1.v2"},
		{"localhost/joe/mydb", "localhost", "joe@localhost", "mydb"},
		{"engineers/mydb", "", "engineers", "mydb"},
		{"1/2", "", "1", "2"},
	} {
		n, err := Parse(test.name)
		if err != nil {
			t.Errorf("Parse(%q): %v", test.name, err)
			continue
		}
		if n.Domain() != test.domain || n.Owner() != test.owner || n.DB() != test.db {
			t.Errorf("%q: domain %q, owner %q, db %q", n, n.Domain(), n.Owner(), n.DB())
		}
		if n.IsGroup() != (test.domain == "") {
			t.Errorf("%q: IsGroup = %v", n, n.IsGroup())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, name := range []string{
		"", "/", "a", "a/b/c/d", "a//b", "/a/b", "a/b/",
		"example.com/mydb", "nodot/joe/mydb",
		"../../etc", "example.com/../mydb", "example.com/joe/..", "example.com/joe/.", "example.com/joe/.hidden",
		"~/mydb", "example.com/~joe/mydb", "example.com/joe/my..db", "example.com/joe/mydb.",
		"Example.com/joe/mydb", "example.com/Joe/mydb", "example.com/joe/MyDB",
		"exa\x00mple.com/joe/mydb", "example.com/jo\ne/mydb", "example.com/jo\x7fe/mydb", "example.com/joé/mydb",
		`example.com/jo\e/mydb`, "example.com/jo e/mydb", "example.com/joe/my%2fdb", "-x.com/joe/mydb", "x-.com/joe/mydb",
		".com/joe/mydb", "example..com/joe/mydb", "example.com/-joe/mydb", "a+b/mydb",
		strings.Repeat("a", 64) + "/b", "a/" + strings.Repeat("b", 64),
		strings.Repeat("a.", 127) + "com/joe/mydb", strings.Repeat("x", 5000),
	} {
		if n, err := Parse(name); err == nil {
			t.Errorf("Parse(%q) = %q, want an error", name, n)
		} else if !fault.Is(err, fault.BadName) {
			t.Errorf("Parse(%q): %v, want code %s", name, err, fault.BadName)
		}
	}
}

func TestParseURL(t *testing.T) {
	u, err := ParseURL("ws://server.com/db/domain.com/name/mydb")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.String(), "ws://server.com:5000/db/domain.com/name/mydb"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if u, err = ParseURL("tcp://[::1]:7/db/g/d"); err != nil || u.Host != "[::1]:7" || u.Scheme != "tcp" {
		t.Errorf("got %+v, %v", u, err)
	}
	for _, s := range []string{
		"", "example.com/joe/mydb", "http://h/db/g/d", "ws://h", "ws:///db/g/d", "ws://h/g/d", "ws://u:p@h/db/g/d",
		"ws://h/db/g/d?x=1", "ws://h/db/g/d#x", "https://h/db/g/d", "ws://h/db/g/../d", "ws://h/db/g%2f/d", "ws://h/db/%2e%2e/d", "ws://h:x/db/g/d", "ws://\x7f/",
	} {
		if u, err := ParseURL(s); err == nil {
			t.Errorf("ParseURL(%q) = %v, want an error", s, u)
		}
	}
}

// A URL carries the fingerprint that its server must have; one that is not
// exactly a fingerprint is refused, since an ignored pin would pin nothing.
func TestParseURLFingerprint(t *testing.T) {
	const fp = "SHA256:ajPtgKG9BpTkyjVoJkm5/Q2MGf1HPDndBD9dopBQNlg"
	u, err := ParseURL("wss://h/db/g/d#fp=" + fp)
	if err != nil || u.Fingerprint != fp || u.Scheme != "wss" || u.Host != "h:5000" {
		t.Fatalf("%+v, %v", u, err)
	}
	if back, err := ParseURL(u.String()); err != nil || back != u {
		t.Errorf("%s came back as %+v: %v", u, back, err)
	}
	for _, fragment := range []string{
		fp, "fp=", "fp=SHA256:", "FP=" + fp, "fp=" + fp[:len(fp)-1], "fp=" + fp + "A", "fp=" + fp + "=", "fp=" + fp + "&x=1",
		"fp=sha256:" + fp[7:], "fp=MD5:" + fp[7:], "x=1&fp=" + fp, "fp=" + fp[:20] + "%0a" + fp[20:], "fp=" + fp[:len(fp)-1] + "h",
	} {
		if u, err := ParseURL("ws://h/db/g/d#" + fragment); !fault.Is(err, fault.BadRequest) {
			t.Errorf("#%s gives %+v, %v", fragment, u, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("wss://h:1/db/g/d#fp=SHA256:ajPtgKG9BpTkyjVoJkm5/Q2MGf1HPDndBD9dopBQNlg")
	f.Add("tcp://[::1]:7/db/example.com/joe/mydb")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURL(s)
		if err != nil {
			return
		}
		if back, err := ParseURL(u.String()); err != nil || back != u {
			t.Errorf("%q does not round-trip: %+v, %v", u, back, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("example.com/joe/mydb")
	f.Add("a/../b")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			return
		}
		if strings.Contains(s, "..") || strings.ContainsAny(s, "~\\\x00 ") || s != strings.ToLower(s) || strings.HasPrefix(s, "/") {
			t.Errorf("accepted %q", s)
		}
		if back, err := FromURLPath(URLPrefix + string(n)); err != nil || back != n {
			t.Errorf("%q does not round-trip: %q, %v", n, back, err)
		}
	})
}
