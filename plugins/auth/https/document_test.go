package https

import (
	"strings"
	"testing"

	"github.com/atedb/atedb/plugins/auth/internal/scope"
	"github.com/atedb/atedb/sdk/auth"
)

func mustSubject(tb testing.TB, r *Resolver) scope.Subject {
	tb.Helper()
	s, denied := r.config.scope.Subject("example.com/joe/db")
	if denied != "" {
		tb.Fatal(denied)
	}
	return s
}

// What is not quite a document says nothing about anybody.
func TestBadDocuments(t *testing.T) {
	many := `["a"` + strings.Repeat(`,"a"`, auth.MaxRootKeys) + `]`
	for text, says := range map[string]string{
		``:                             "cut off",
		`null`:                         "not an object",
		`[]`:                           "not an object",
		`{}`:                           "has no version",
		`{"version": 1`:                "cut off",
		`{"version": 1}}`:              "follows after its end",
		`{"version": 1} {}`:            "follows after its end",
		`{"version": 1} x`:             "follows after its end",
		"\ufeff" + `{"version": 1}`:    "not JSON",
		`{"version": "1"}`:             "not a number",
		`{"version": 1.0}`:             "of version 1.0",
		`{"version": 10}`:              "of version 10",
		`{"Version": 1}`:               "does not begin with its version",
		`{"users": {}, "version": 1}`:  "does not begin with its version",
		`{"version": 1, "version": 1}`: `"version" twice`,
		`{"version": 1, "users": {}, "users": {}}`:                     `"users" twice`,
		`{"version": 1, "Users": {}}`:                                  `member "Users"`,
		`{"version": 1, "keys": {}}`:                                   `member "keys"`,
		`{"version": 1, "users": []}`:                                  "users is not an object",
		`{"version": 1, "users": {"joe": "a"}}`:                        "are not a list",
		`{"version": 1, "users": {"joe": null}}`:                       "are not a list",
		`{"version": 1, "users": {"joe": []}}`:                         "empty list",
		`{"version": 1, "users": {"joe": [1]}}`:                        "not a text",
		`{"version": 1, "users": {"joe": [["a"]]}}`:                    "not a text",
		`{"version": 1, "users": {"joe": ["a"], "j\u006fe": ["b"]}}`:   `"joe" twice`,
		`{"version": 1, "users": {"Joe": ["a"]}}`:                      `"Joe"`,
		`{"version": 1, "users": {"a/b": ["a"]}}`:                      `"a/b"`,
		`{"version": 1, "users": {"*": ["a"]}}`:                        `"*"`,
		`{"version": 1, "groups": {"example.com": ["a"]}}`:             `"example.com"`,
		`{"version": 1, "groups": {"example.com/joe": ["a"]}}`:         `"example.com/joe"`,
		`{"version": 1, "users": {"joe": ` + many + `}}`:               "more than 64",
		`{"version": 1, "users": {"joe": ["a",]}}`:                     "not JSON",
		`{"version": 1 "users": {}}`:                                   "not JSON",
		`{"version": 1, "users": ` + strings.Repeat(`{"a":`, 100_000):  "are not a list",
		`{"version": 1, "users": {"joe": ` + strings.Repeat(`[`, 5000): "not a text",
	} {
		_, err := parseDocument([]byte(text))
		if err == nil || !strings.Contains(err.Error(), says) || strings.ContainsAny(err.Error(), "\n\r") || len(err.Error()) > 500 {
			t.Errorf("%.80s: %v; want it to say %q", text, err, says)
		}
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(`{"version": 1, "users": {"joe": ["atekey1"]}, "groups": {"engineers": ["a", "b"]}}`))
	f.Add([]byte(`{"version": 2}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parseDocument(text)
		if err != nil {
			return
		}
		for _, names := range []map[string][]string{d.users, d.groups} {
			for name, keys := range names {
				if name == "" || len(keys) == 0 || len(keys) > auth.MaxRootKeys {
					t.Errorf("%q has %d keys", name, len(keys))
				}
				if set, err := parseKeys(keys); err == nil && len(set.ids) == 0 {
					t.Error("a list of keys has none")
				}
			}
		}
	})
}

func FuzzParseSSHKeys(f *testing.F) {
	line, _ := sshLine(f, 1)
	f.Add([]byte("# x\r\n" + line + "\n\n" + line))
	f.Fuzz(func(t *testing.T, text []byte) {
		if set, err := parseSSHKeys(text); err == nil && (len(set.keys) > auth.MaxRootKeys || len(set.bare) > 0) {
			t.Errorf("%d keys", len(set.keys))
		}
	})
}
