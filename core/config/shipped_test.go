package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// machineKeys are the settings whose defaults depend on the machine. The full
// files only show them in comments, like the plugin blocks, of which there are
// none by default.
var machineKeys = map[string]bool{"logs_path": true, "runtime_dir": true, "plugin_dirs": true, "plugin": true}

func shipped(name string) string { return filepath.Join("..", "..", "configs", name) }

func TestSmallestFilesRun(t *testing.T) {
	for _, name := range []string{"atedb.hcl", "atedb.yaml"} {
		c, err := Load(Sources{Path: shipped(name)})
		if err != nil {
			t.Fatal(err)
		}
		want := Default()
		want.LogsPath, _ = filepath.Abs("data")
		want.NoAuth, want.Auth, want.WireEncryption = true, []Block{}, 0
		sameSettings(t, c, want)
	}
}

func TestFullFilesHoldTheDefaults(t *testing.T) {
	for _, name := range []string{"atedb_full.hcl", "atedb_full.yaml"} {
		c, err := Load(Sources{Path: shipped(name)})
		if err != nil {
			t.Fatal(err)
		}
		sameSettings(t, c, Default())
		text, err := os.ReadFile(shipped(name))
		if err != nil {
			t.Fatal(err)
		}
		for key := range c.settings() {
			inFile := c.Origin(key).Layer == FromFile
			switch {
			case !machineKeys[key] && !inFile:
				t.Errorf("%s does not set %s", name, key)
			case machineKeys[key] && !regexp.MustCompile(`(?m)^# `+key+`\b`).Match(text):
				t.Errorf("%s does not show %s in a comment", name, key)
			}
		}
	}
}

// TestFullFilesExamplesLoad takes the comments off the settings that the full
// files only show.
func TestFullFilesExamplesLoad(t *testing.T) {
	example := regexp.MustCompile(`(?m)^# ((logs_path|runtime_dir|plugin_dirs|plugin)\b|  |\})`)
	for _, name := range []string{"atedb_full.hcl", "atedb_full.yaml"} {
		text, err := os.ReadFile(shipped(name))
		if err != nil {
			t.Fatal(err)
		}
		all := strings.ReplaceAll(example.ReplaceAllString(string(text), "$1"), "what sha256sum prints for it", sum)
		c := mustLoad(t, name, all, nil, nil)
		for key := range c.settings() {
			if c.Origin(key).Layer != FromFile {
				t.Errorf("%s without comments does not set %s", name, key)
			}
		}
		want := Plugin{Kind: "auth", Name: "acme", Path: "/opt/acme/atedb-plugin-auth-acme", SHA256: sum}
		if len(c.Plugins) != 1 || c.Plugins[0] != want {
			t.Errorf("the plugin block is %v, want %v", c.Plugins, want)
		}
	}
}

func TestSettings(t *testing.T) {
	c := mustLoad(t, "a.yaml", "listen: ':1'\ncompaction: [standard: {mode: size, size: 7}]\nplugin: {trust: {centralized: {path: /p}}}\nlimits:\n  handshake_timeout: 2s\n",
		[]string{"ATEDB_TRUST=centralized", "RUST_LOG=warn"}, map[string]string{"no-auth": "true", "compact-mode": "never"})
	file := c.Origin("listen").Name
	want := map[string]Setting{
		"listen":                        {Value: `":1"`, Origin: "file:" + file, Line: 1},
		"no_auth":                       {Value: `true`, Origin: "flag:--no-auth"},
		"auth":                          {Value: `[]`, Origin: "flag:--no-auth"},
		"trust.centralized":             {Value: `{}`, Origin: "env:ATEDB_TRUST"},
		"storage.file":                  {Value: `{}`, Origin: "default"},
		"compaction.standard.mode":      {Value: `"never"`, Origin: "flag:--compact-mode"},
		"compaction.standard.size":      {Value: `7`, Origin: "file:" + file, Line: 2},
		"plugin.trust.centralized.path": {Value: `"/p"`, Origin: "file:" + file, Line: 3},
		"limits.handshake_timeout":      {Value: `"2s"`, Origin: "file:" + file, Line: 5},
		"limits.max_connections":        {Value: `32768`, Origin: "default"},
		"log.level":                     {Value: `"warn"`, Origin: "env:RUST_LOG"},
		"wire_encryption":               {Value: `128`, Origin: "default"},
		"require_checksums":             {Value: `false`, Origin: "default"},
	}
	for _, s := range c.Settings() {
		w, ok := want[s.Key]
		if !ok {
			continue
		}
		delete(want, s.Key)
		value, err := json.Marshal(s.Value)
		if err != nil {
			t.Fatal(err)
		}
		if string(value) != w.Value || s.Origin != w.Origin || s.Line != w.Line {
			t.Errorf("%s is %s from %s line %d, want %s from %s line %d", s.Key, value, s.Origin, s.Line, w.Value, w.Origin, w.Line)
		}
	}
	for key := range want {
		t.Errorf("%s is missing", key)
	}
}

// TestChanges compares configurations in both directions.
func TestChanges(t *testing.T) {
	for _, test := range []struct{ one, other, changed string }{
		{"listen: ':1'", "listen: ':1'", "[]"},
		{"listen: ':1'", "listen: ':2'\nlimits: {max_connections: 5}", "[limits.max_connections listen]"},
		{"auth: {static: {owners: {a: public}}}", "auth: {static: {owners: {a: public, b: public}}}", "[auth.static.owners]"},
		{"auth: {static: {file: /a}}", "auth: {ate: {url: 'ws://a/auth'}}", "[auth.ate.url auth.static.file]"},
		{"auth: {static: {file: /a}}", "no_auth: true", "[auth auth.static.file no_auth]"},
		{"auth: [static: {file: /a}, dns: {}]", "auth: [dns: {}, static: {file: /a}]", "[auth]"},
		{"compaction: {standard: {size: 7}}", "compaction: [standard: {size: 8}, retention: {}]", "[compaction.retention compaction.standard.size]"},
		{"plugin: {trust: {centralized: {path: /p}}}", "", "[plugin plugin.trust.centralized.path]"},
	} {
		one, other := mustLoad(t, "a.yaml", test.one, nil, nil), mustLoad(t, "a.yaml", test.other, nil, nil)
		for _, got := range [][]string{one.Changes(other), other.Changes(one)} {
			if fmt.Sprint(got) != test.changed {
				t.Errorf("%s and %s: %v, want %s", test.one, test.other, got, test.changed)
			}
		}
	}
}

func TestPluginSpecs(t *testing.T) {
	text := `auth: [static: {file: /x}, acme: {}]
plugin: {auth: {acme: {path: /p, sha256: ` + sum + `}}}`
	name := func(specs []PluginSpec) string {
		var out []string
		for _, s := range specs {
			out = append(out, s.Kind+"-"+s.Name+s.Path)
		}
		return strings.Join(out, " ")
	}
	tests := []struct {
		flags map[string]string
		want  string
	}{
		{nil, "storage-file trust-centralized auth-static auth-acme/p compaction-standard"},
		{map[string]string{"no-auth": "true"}, "storage-file trust-centralized compaction-standard"},
		{map[string]string{"trust": "distributed"}, "storage-file trust-distributed compaction-standard"},
	}
	for _, tt := range tests {
		c := mustLoad(t, "a.yaml", text, nil, tt.flags)
		if got := name(c.PluginSpecs()); got != tt.want {
			t.Errorf("%v starts %s, want %s", tt.flags, got, tt.want)
		}
	}
	spec := mustLoad(t, "a.yaml", text, nil, nil).PluginSpecs()[2]
	if string(spec.Config) != `{"file":"/x"}` || spec.SHA256 != "" {
		t.Errorf("the spec of auth-static is %v", spec)
	}
}
