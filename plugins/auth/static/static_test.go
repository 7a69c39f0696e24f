package static

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/auth/authtest"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/plugin"
)

// Keys of Ed25519 alone, which are short: those of the seeds of 32 ones and twos.
const (
	key1 = "A4qI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
	key2 = "A4E5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
)

func decoded(key string) []byte {
	b, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		panic(err)
	}
	return b
}

// example is an owners file.
const example = `
joe@example.com:
  - A4qI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c
  - A4E5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU
engineers: public
"*@example.com": public
`

// fileConfig writes an owners file and returns it and a configuration with it.
func fileConfig(tb testing.TB, text string) (path, config string) {
	tb.Helper()
	path = filepath.Join(tb.TempDir(), "owners.yaml")
	write(tb, path, text)
	return path, fmt.Sprintf(`{"file": %q}`, path)
}

// write replaces a file.
func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		tb.Fatal(err)
	}
}

func configured(tb testing.TB, config string) *Resolver {
	tb.Helper()
	r := New()
	if err := r.Validate([]byte(config)); err != nil {
		tb.Fatalf("Validate(%s): %v", config, err)
	}
	if err := r.Configure(tb.Context(), plugin.Setup{Config: []byte(config)}); err != nil {
		tb.Fatalf("Configure(%s): %v", config, err)
	}
	return r
}

// resolve returns "public", "denied" or the number of keys.
func resolve(tb testing.TB, r *Resolver, chain chainname.Name) string {
	tb.Helper()
	a, err := r.Resolve(tb.Context(), auth.Query{Chain: chain})
	switch {
	case err != nil:
		tb.Fatalf("Resolve(%s): %v", chain, err)
	case a.Denied != "":
		return "denied"
	case len(a.RootKeys) == 0:
		return "public"
	}
	return fmt.Sprintf("%d keys", len(a.RootKeys))
}

func TestContract(t *testing.T) {
	configs := map[string]func(testing.TB) string{
		"file": func(tb testing.TB) string {
			_, config := fileConfig(tb, example)
			return strings.TrimSuffix(config, "}") + `, "revoked_tokens": ["00000000000000000000000000000002"]}`
		},
		"inline": func(testing.TB) string {
			return `{"owners": {"joe@example.com": ["` + key1 + `"]}, "ttl": "24h", "contact": "ops@example.com", "revoked_tokens": ["00000000000000000000000000000002"]}`
		},
	}
	for name, config := range configs {
		t.Run(name, func(t *testing.T) {
			authtest.Run(t, func(tb testing.TB) authtest.Subject {
				return authtest.Subject{
					Resolver: configured(tb, config(tb)), Granted: "example.com/joe/db", Denied: "strangers/db",
					Held: auth.TokenQuery{User: "joe@example.com", ID: [16]byte{1}}, Revoked: auth.TokenQuery{User: "joe@example.com", ID: [16]byte{15: 2}},
				}
			})
		})
	}
}

// TestIDOfAKey answers with the id where no more than that is known.
func TestIDOfAKey(t *testing.T) {
	id := keys.NewSigningKey().Public()
	got, err := configured(t, `{"owners": {"joe@example.com": ["`+id.String()+`", "`+key1+`"]}}`).Resolve(t.Context(), auth.Query{Chain: "example.com/joe/db"})
	want := auth.Answer{RootKeys: [][]byte{decoded(key1)}, RootKeyIDs: []event.Hash{id.ID()}, TTL: time.Minute}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestMostExactOwnerAnswers(t *testing.T) {
	_, config := fileConfig(t, example)
	r := configured(t, config)
	everyone := configured(t, `{"owners": {"*": ["`+key1+`"], "engineers": "public"}}`)
	for chain, want := range map[chainname.Name][2]string{
		"example.com/joe/db":     {"2 keys", "1 keys"},
		"example.com/ann/db":     {"public", "1 keys"},
		"sub.example.com/joe/db": {"denied", "1 keys"},
		"engineers/db":           {"public", "public"},
		"joe/db":                 {"denied", "1 keys"},
	} {
		if got := [2]string{resolve(t, r, chain), resolve(t, everyone, chain)}; got != want {
			t.Errorf("%s is %q; want %q", chain, got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	_, config := fileConfig(t, example)
	got, err := configured(t, config).Resolve(t.Context(), auth.Query{Chain: "example.com/joe/db"})
	want := auth.Answer{
		RootKeys: [][]byte{decoded(key1), decoded(key2)},
		TTL:      time.Minute,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the grant is %+v, %v; want %+v", got, err, want)
	}
	got, err = configured(t, `{"owners": {}, "ttl": 5, "contact": "ops@example.com"}`).Resolve(t.Context(), auth.Query{Chain: "example.com/joe/db"})
	want = auth.Answer{Denied: "joe@example.com may not have chains on this server; ask ops@example.com to add the owner", TTL: 5 * time.Second}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the denial is %+v, %v; want %+v", got, err, want)
	}
}

// What ate key export prints is a key as it is, and so is its signing half.
func TestKeysAsText(t *testing.T) {
	id, err := keys.NewIdentity("joe")
	if err != nil {
		t.Fatal(err)
	}
	want := id.Public().Signing.Bytes()
	for _, text := range []string{id.Public().Text(), id.Public().Signing.Text(), base64.StdEncoding.EncodeToString(want)} {
		_, config := fileConfig(t, "joe@example.com: ["+text+"]")
		got, err := configured(t, config).Resolve(t.Context(), auth.Query{Chain: "example.com/joe/db"})
		if err != nil || len(got.RootKeys) != 1 || !bytes.Equal(got.RootKeys[0], want) {
			t.Errorf("the owner %.20s… has %d keys, %v; want the signing key", text, len(got.RootKeys), err)
		}
	}
	for name, text := range map[string]string{
		"cut short":        id.Public().Text()[:2000],
		"of a future form": strings.Replace(id.Public().Text(), "-v1:", "-v2:", 1),
		"a read key":       id.Public().Read.Text(),
	} {
		_, config := fileConfig(t, "joe@example.com: ["+text+"]")
		if err := New().Validate([]byte(config)); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), "this is not a key") {
			t.Errorf("a key %s: %v; want a bad_config fault", name, err)
		}
	}
}

// reloading returns a resolver with a clock that only the test moves.
func reloading(t *testing.T, text string) (r *Resolver, path string, tick func(), log *bytes.Buffer) {
	path, config := fileConfig(t, text)
	r, log = New(), new(bytes.Buffer)
	now := time.Unix(1_000_000, 0)
	r.now = func() time.Time { return now }
	setup := plugin.Setup{Config: []byte(config), Logger: hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Warn})}
	if err := r.Configure(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	return r, path, func() { now = now.Add(checkInterval) }, log
}

func TestReload(t *testing.T) {
	r, path, tick, log := reloading(t, "a: public")
	steps := []struct {
		what         string
		do           func()
		wantA, wantB string
		warnings     int
	}{
		{"at first", func() {}, "public", "denied", 0},
		{"too soon after a change", func() { write(t, path, "b: public") }, "public", "denied", 0},
		{"after a while", tick, "denied", "public", 0},
		{"unchanged", tick, "denied", "public", 0},
		{"broken", func() { write(t, path, "a: [oops!]"); tick() }, "denied", "public", 1},
		{"still broken", tick, "denied", "public", 1},
		{"gone", func() { os.Remove(path); tick() }, "denied", "public", 2},
		{"still gone", tick, "denied", "public", 2},
		{"back", func() { write(t, path, "a: ["+key1+"]"); tick() }, "1 keys", "denied", 2},
	}
	for _, step := range steps {
		step.do()
		if a, b := resolve(t, r, "a/db"), resolve(t, r, "b/db"); a != step.wantA || b != step.wantB {
			t.Errorf("%s: a is %s, b is %s; want %s, %s", step.what, a, b, step.wantA, step.wantB)
		}
		if got := strings.Count(log.String(), "\n"); got != step.warnings {
			t.Errorf("%s: %d warnings; want %d:\n%s", step.what, got, step.warnings, log)
		}
	}
	if !strings.Contains(log.String(), path) || !strings.Contains(log.String(), "line 1") {
		t.Errorf("the warnings do not say where:\n%s", log)
	}
}

// TestReloadInPlace changes the file without replacing it.
func TestReloadInPlace(t *testing.T) {
	r, path, tick, _ := reloading(t, "a: public")
	if err := os.WriteFile(path, []byte("b: public"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Unix(5, 0)); err != nil {
		t.Fatal(err)
	}
	tick()
	if got := resolve(t, r, "b/db"); got != "public" {
		t.Errorf("after the change b is %s", got)
	}
}

func TestBadOwners(t *testing.T) {
	weak := base64.StdEncoding.EncodeToString(append([]byte{3, 1}, make([]byte, 31)...)) // with which anybody can sign
	many := "a:" + strings.Repeat("\n- "+key1, auth.MaxRootKeys+1)
	for text, want := range map[string]string{
		"":                                "empty",
		"# nobody\n":                      "empty",
		"- a\n":                           "line 1",
		"public":                          "line 1",
		"a: [":                            "YAML",
		"\ta: public":                     "YAML",
		"\x00":                            "YAML",
		"a: public\n---\nb: public":       "document",
		"a: public\nb: private":           `line 2, owner "b"`,
		"a: public\nb:\nc: public":        `line 2, owner "b"`,
		"a: public\n\nb: []":              `line 3, owner "b": the list has 0 keys`,
		"a: {}":                           `owner "a"`,
		"a: &x [" + key1 + "]\nb: *x":     `line 2, owner "b"`,
		"a: public\nb: public\na: public": `line 3, owner "a": the owner is listed twice`,
		"A: public":                       `owner "A"`,
		"joe@: public":                    `owner "joe@"`,
		"'@example.com': public":          `owner "@example.com"`,
		"joe@example: public":             `owner "joe@example"`,
		"joe@*: public":                   `owner "joe@*"`,
		"example.com: public":             `owner "example.com"`,
		"a/b: public":                     `owner "a/b"`,
		"a@b.c/d: public":                 `owner "a@b.c/d"`,
		"'': public":                      `owner ""`,
		"'**': public":                    `owner "**"`,
		"[a]: public":                     "line 1",
		"a:\n- " + key1 + "\n- '?'":       `line 3, owner "a": this is not a key`,
		"a:\n- ''":                        `line 2, owner "a"`,
		"a:\n- null":                      `line 2, owner "a"`,
		"a:\n- [" + key1 + "]":            `line 2, owner "a"`,
		"a:\n- AQJ=":                      `line 2, owner "a"`,
		"a:\n- AQID":                      `line 2, owner "a": this is not a key`, // but base64
		"a:\n- " + weak:                   `line 2, owner "a": this is not a key`,
		"a:\n- |\n  " + key1 + "\n":       `line 2, owner "a"`,
		many:                              "the list has 65 keys",
		strings.Repeat("#", MaxFile+1):    "larger than",
	} {
		path, config := fileConfig(t, text)
		err := New().Configure(t.Context(), plugin.Setup{Config: []byte(config)})
		if !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("for %.60q the error is %v; want a bad_config fault that names the file and has %q", text, err, want)
		}
		if err := New().Validate([]byte(config)); !fault.Is(err, fault.BadConfig) {
			t.Errorf("for %.60q Validate returns %v", text, err)
		}
	}
}

func TestJSONFile(t *testing.T) {
	_, config := fileConfig(t, "{\n\t\"a\": \"public\",\n\t\"*@example.com\": [\""+key1+"\"]\n}\n")
	r := configured(t, config)
	if a, b := resolve(t, r, "a/db"), resolve(t, r, "example.com/x/db"); a != "public" || b != "1 keys" {
		t.Errorf("a is %s, x@example.com is %s", a, b)
	}
}

func TestUnreadableFiles(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, t.TempDir(), filepath.Join(t.TempDir(), "absent")} {
		config, _ := json.Marshal(map[string]string{"file": path})
		if err := New().Validate(config); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), path) {
			t.Errorf("for %s the error is %v", path, err)
		}
	}
}

func TestBadConfig(t *testing.T) {
	for config, want := range map[string]string{
		``: "file", `{}`: "file", `{"file": ""}`: "file", `{"file": "owners.yaml"}`: "absolute", `{"file": 1}`: "file",
		`{"file": "/a", "owners": {}}`: "either", `{"owners": "joe"}`: "owners", `{"owners": null}`: "owners",
		`{"owners": {"a": "private"}}`: `owner "a"`, `{"owners": {"a": []}}`: `owner "a"`, `{"owners": {"a": true}}`: `owner "a"`,
		`{"owners": {}, "ttl": "soon"}`: "ttl", `{"owners": {}, "ttl": "25h"}`: "ttl", `{"owners": {}, "ttl": -1}`: "ttl",
		`{"owners": {}, "contact": ""}`: "contact", `{"owners": {}, "contact": "a\nb"}`: "contact", `{"owners": {}, "revoked_tokens": ["00"]}`: "revoked_tokens", `{"owner": {}}`: "owner",
	} {
		for what, err := range map[string]error{
			"Validate":  New().Validate([]byte(config)),
			"Configure": New().Configure(t.Context(), plugin.Setup{Config: []byte(config)}),
		} {
			if !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s(%s) = %v; want a bad_config fault that has %q", what, config, err, want)
			}
		}
	}
}

func FuzzParseOwners(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(`{"a": ["` + key1 + `"], "*": "public"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := parseOwners("owners", text)
		if err != nil && (!fault.Is(err, fault.BadConfig) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("the error is %v", err)
		}
		for owner, keys := range parsed {
			if !isOwner(owner) || len(keys.keys)+len(keys.ids) > auth.MaxRootKeys {
				t.Errorf("owner %q has %d keys", owner, len(keys.keys)+len(keys.ids))
			}
		}
	})
}
