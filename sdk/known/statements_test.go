package known

import (
	"bytes"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
)

const (
	authHost = "auth.example.com:5001"
	joe      = "joe@example.com"
)

// TestStatements: the statement with the highest number is remembered for each
// name at each server, and an older one does not replace it.
func TestStatements(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		last := func(host, name, want string) {
			t.Helper()
			got, ok, err := s.LastStatement(host, name)
			if err != nil || ok != (want != "") || string(got.Encoded) != want {
				t.Errorf("%s at %s: %q, %v, %v; want %q", name, host, got.Encoded, ok, err, want)
			}
		}
		remember := func(host, name string, number uint64, text string) {
			t.Helper()
			if err := s.RememberStatement(host, name, Statement{number, []byte(text)}); err != nil {
				t.Fatal(err)
			}
		}
		last(authHost, joe, "")
		remember(authHost, joe, 2, "two")
		remember("AUTH.example.com:5001", joe, 1, "one")
		remember(authHost, joe, 2, "another two")
		last(authHost, joe, "two")
		remember(authHost, joe, 3, "three")
		remember(authHost, "engineers", 0, "zero")
		last("Auth.Example.com:05001", joe, "three")
		last(authHost, "engineers", "zero")
		last("other:1", joe, "")
	})
}

// TestHostileStatements: names that would break a file of lines, and statements
// over the limit, are refused and leave nothing.
func TestHostileStatements(t *testing.T) {
	each(t, func(t *testing.T, s store) {
		for _, name := range []string{"", "a b", "a\nnumber 9", "jö", strings.Repeat("a", maxStatementName+1)} {
			wantErr(t, "name", s.RememberStatement(authHost, name, Statement{}), fault.BadName)
			_, _, err := s.LastStatement(authHost, name)
			wantErr(t, "name", err, fault.BadName)
		}
		wantErr(t, "host", s.RememberStatement("a b", joe, Statement{}), fault.BadRequest)
		wantErr(t, "size", s.RememberStatement(authHost, joe, Statement{Encoded: make([]byte, MaxStatement+1)}), fault.TooLarge)
		if _, ok, err := s.LastStatement(authHost, joe); ok || err != nil {
			t.Error("a refused statement was remembered", err)
		}
		if err := s.RememberStatement(authHost, joe, Statement{1, make([]byte, MaxStatement)}); err != nil {
			t.Fatal(err)
		}
		if got, ok, err := s.LastStatement(authHost, joe); !ok || err != nil || len(got.Encoded) != MaxStatement {
			t.Error("the largest statement:", len(got.Encoded), ok, err)
		}
	})
}

// TestStatementFile compares the file with the package comment's, and shows that
// damage to it is noticed, and another name's file not believed.
func TestStatementFile(t *testing.T) {
	d := Folder(t.TempDir())
	if err := d.RememberStatement(authHost, joe, Statement{2, []byte{1, 2, 3, 4}}); err != nil {
		t.Fatal(err)
	}
	path := d.statementPath(authHost, joe)
	good := get(t, path)
	if doc := get(t, "doc.go"); !strings.Contains(doc, "//\t"+strings.ReplaceAll(strings.TrimSuffix(good, "\n"), "\n", "\n//\t")+"\n//") {
		t.Errorf("the package comment does not have the file\n%s", good)
	}
	for bit := range 8 * len(good) {
		bad := []byte(good)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := decodeStatement(bad, authHost, joe); !fault.Is(err, fault.Damaged) && !fault.Is(err, fault.Unsupported) {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
	put(t, d.statementPath(authHost, "ann@example.com"), good, 0o600)
	_, _, err := d.LastStatement(authHost, "ann@example.com")
	wantErr(t, "another name's file", err, fault.Damaged)
}

// FuzzStatement: no file crashes the parser, and what it accepts is what it
// writes.
func FuzzStatement(f *testing.F) {
	f.Add(string(Statement{2, []byte{1}}.encode(authHost, joe)))
	f.Fuzz(func(t *testing.T, raw string) {
		for _, text := range []string{raw, raw + "\nsum " + recordSum(raw+"\n") + "\n"} {
			s, err := decodeStatement([]byte(text), authHost, joe)
			if err != nil {
				continue
			}
			if again, err := decodeStatement(s.encode(authHost, joe), authHost, joe); err != nil || again.Number != s.Number || !bytes.Equal(again.Encoded, s.Encoded) {
				t.Errorf("%+v was read as %+v, %v", s, again, err)
			}
		}
	})
}
