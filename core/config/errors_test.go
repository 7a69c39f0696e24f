package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
)

// TestFileErrors checks that a mistake in a file is named with its place. The
// texts are HCL unless they begin with "yaml", FILE stands for the path.
func TestFileErrors(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"unknown key":               {"\nlisen = \"x\"", `FILE:2: "lisen" is not a setting; did you mean listen?`},
		"unknown key far off":       {"qqqqqqqqqqqqqqq = 1", `is not a setting; use auth, auth_rule, compaction, dns_anchors, dns_sec, `},
		"unknown key in a group":    {"limits {\n max_conections = 1\n}", `FILE:2: "limits.max_conections" is not a setting; did you mean max_connections?`},
		"unknown key, YAML":         {"yaml\nlog:\n  leven: info", `FILE:3: "log.leven" is not a setting; did you mean level?`},
		"key with a dot":            {"yaml\nlog.level: info", `FILE:2: "log.level" is not a setting; `},
		"unknown key of plugin":     {"plugin \"auth\" \"x\" {\n pth = \"/x\"\n}", `FILE:1: "pth" is not a setting of plugin "auth" "x"; did you mean path?`},
		"text for a number":         {"limits {\n max_connections = \"many\"\n}", `FILE:2: limits.max_connections must be a number, without quotes, not "many"`},
		"fraction for a number":     {"limits {\n max_connections = 1.5\n}", `FILE:2: limits.max_connections must be a whole number, not 1.5`},
		"text for a bool":           {"dns_sec = \"yes\"", `FILE:1: dns_sec must be true or false, without quotes, not "yes"`},
		"number for text":           {"listen = 5000", `FILE:1: listen must be text in quotes, not 5000`},
		"number for a duration":     {"limits {\n handshake_timeout = 5\n}", `FILE:2: limits.handshake_timeout must be a duration with a unit, such as "5s" or "1h30m", not 5`},
		"no duration":               {"limits {\n handshake_timeout = \"5\"\n}", `FILE:2: limits.handshake_timeout must be a duration with a unit, such as "5s" or "1h30m", not "5"`},
		"block for text":            {"listen { a = 1 }", `FILE:1: listen must be text in quotes, not a block`},
		"text for a group":          {"log = \"info\"", `FILE:1: log must be a block of settings, not "info"`},
		"no value":                  {"yaml\nlisten:", `FILE:2: listen has no value; give it one or remove the key`},
		"no value at the end":       {"listen =", `FILE: At `},
		"text for a list":           {"plugin_dirs = \"/x\"", `FILE:1: plugin_dirs must be a list of texts in square brackets, not "/x"`},
		"number in a list":          {"plugin_dirs = [1]", `FILE:1: plugin_dirs must hold texts only, not 1`},
		"wire encryption":           {"wire_encryption = 64", `FILE:1: wire_encryption must be one of 128, 192, 256 or off, not "64"`},
		"out of range":              {"limits {\n max_connections = 0\n}", `FILE:2: limits.max_connections is 0; it must be between 1 and 1000000`},
		"timeout out of range":      {"limits {\n idle_chain_timeout = \"-1s\"\n}", `FILE:2: limits.idle_chain_timeout is -1s; it must be between 1ms and 8784h0m0s`},
		"no port":                   {"listen = \"127.0.0.1\"", `FILE:1: listen is "127.0.0.1"; it must be an address and a port, such as "[::]:5000"`},
		"port out of range":         {"listen = \":65536\"", `FILE:1: listen is ":65536"; it must be an address and a port`},
		"odd host":                  {"listen = \"a b:1\"", `FILE:1: listen is "a b:1"; it must be`},
		"empty path":                {"logs_path = \"\"", `FILE:1: logs_path is ""; it must be the path of a folder`},
		"empty path in a list":      {"plugin_dirs = [\"\"]", `FILE:1: plugin_dirs holds ""; it must hold paths of folders`},
		"log level":                 {"log {\n level = \"loud\"\n}", `FILE:2: log.level is "loud"; it must be trace, debug, info, warn, error or off`},
		"log format":                {"log {\n format = \"xml\"\n}", `FILE:2: log.format is "xml"; it must be auto, text or json`},
		"DNS server":                {"dns_server = \"dns.google\"", `FILE:1: dns_server is "dns.google"; it must be an IP address`},
		"key twice":                 {"listen = \":1\"\n\nlisten = \":2\"", `FILE: line 3: listen is given twice, first in line 1; keep one of them`},
		"key twice, YAML":           {"yaml\nlisten: a\nlisten: b", `FILE: line 3: mapping key "listen" already defined at line 2 [`},
		"group twice":               {"log {\n}\nlog {\n}", `FILE: line 3: log is given twice, first in line 1; keep one of them`},
		"block twice":               {"auth \"x\" {}\nauth \"x\" {}", `FILE: line 2: auth.x is given twice, first in line 1; keep one of them`},
		"block twice, YAML":         {"yaml\nauth: [x: {}, x: {}]", `FILE:2: auth "x" is given twice; keep one of them`},
		"plugin twice":              {"plugin \"auth\" \"x\" { path = \"/x\" }\nplugin \"auth\" \"x\" { path = \"/y\" }", `line 2: plugin.auth.x is given twice`},
		"plugin twice, YAML":        {"yaml\nplugin: [auth: {x: {path: /x}}, auth: {x: {path: /y}}]", `FILE:2: plugin.auth.x is given twice; keep one of them`},
		"plugin's key twice":        {"auth \"x\" {\n a = 1\n a = 2\n}", `FILE: line 3: auth.x.a is given twice, first in line 2`},
		"block and value":           {"auth \"x\" {}\nauth = 1", `FILE: line 2: auth is given twice, first in line 1`},
		"value and block":           {"auth \"x\" {\n a = 1\n a {}\n}", `FILE: line 3: auth.x.a is given twice, first in line 2`},
		"two storages":              {"storage \"file\" {}\nstorage \"memory\" {}", `FILE:1: storage names several plugins at once; it takes one`},
		"auth without order":        {"yaml\nauth: {x: {}, y: {}}", `FILE:2: auth names several plugins at once; make it a list, since their order counts`},
		"storage without name":      {"storage {}", `FILE:1: storage must name a plugin, as in storage "file" {} in HCL or storage: {file: {}} in YAML`},
		"storage as text":           {"storage = \"file\"", `FILE:1: storage must name a plugin, as in`},
		"auth as a list of texts":   {"yaml\nauth: [static]", `FILE:2: auth must name a plugin, as in auth "static" {...} in HCL`},
		"own settings as text":      {"yaml\nstorage: {file: x}", `FILE:2: storage "file" must be a block of the plugin's settings, not "x"`},
		"hostile plugin name":       {"storage \"../file\" {}", `storage "../file" is not a plugin's name`},
		"not JSON":                  {"yaml\nstorage: {file: {x: .nan}}", `FILE:2: storage "file" holds what JSON cannot`},
		"no auth and auth":          {"auth \"x\" {}\nno_auth = true", `FILE:2: no_auth = true and an auth block contradict each other; keep one of them`},
		"no auth plugin":            {"auth = []", `FILE:1: auth names no plugin; name one, or say no_auth = true`},
		"plugin as text":            {"plugin = \"x\"", `FILE:1: plugin must be a block, as in plugin "auth" "acme" {`},
		"plugin without name":       {"plugin \"auth\" { path = \"/x\" }", `FILE:1: plugin "auth" "path" must be a block`},
		"plugin of unknown kind":    {"plugin \"x\" \"y\" { path = \"/x\" }", `FILE:1: plugin.x.y has the kind "x"; it must be storage, auth, trust or compaction`},
		"plugin with a bad name":    {"plugin \"auth\" \"Y\" { path = \"/x\" }", `FILE:1: plugin.auth.Y has the name "Y"`},
		"plugin that says nothing":  {"plugin \"auth\" \"y\" {}", `FILE:1: plugin.auth.y says nothing; give path, sha256 or both`},
		"plugin's relative path":    {"plugin \"auth\" \"y\" { path = \"x\" }", `FILE:1: plugin.auth.y has the path "x"; it must begin with / or ~/`},
		"plugin's short checksum":   {"plugin \"auth\" \"y\" { sha256 = \"00\" }", `FILE:1: plugin.auth.y has the sha256 "00"; it must be the 64 hexadecimal digits`},
		"plugin's path is a number": {"plugin \"auth\" \"y\" { path = 1 }", `FILE:1: path of plugin "auth" "y" must be text in quotes, not 1`},
		"not HCL":                   {"listen = = 1", `FILE: At 1:`},
		"unclosed block":            {"log {", `FILE: At `},
		"JSON":                      {`{"listen": ":1"}`, `FILE: At 1:1`},
		"not YAML":                  {"yaml\nlisten: [", `FILE: yaml: `},
		"a YAML list":               {"yaml\n- a", `FILE: it must hold keys and values, such as logs_path: /opt/ate`},
		"two YAML documents":        {"yaml\nlisten: ':1'\n---\nlisten: ':2'", `FILE: it holds more than one YAML document; keep one of them`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			file := "a.hcl"
			if rest, ok := strings.CutPrefix(tt.text, "yaml"); ok {
				file, tt.text = "a.yaml", rest
			}
			path := filepath.Join(t.TempDir(), file)
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Load(Sources{Path: path})
			checkFault(t, err, strings.ReplaceAll(tt.want, "FILE", path))
		})
	}
}

func checkFault(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("got no error, want %q", want)
	case !fault.Is(err, fault.BadConfig):
		t.Errorf("got code %s (%v), want %s", fault.CodeOf(err), err, fault.BadConfig)
	case strings.Contains(err.Error(), "\n"):
		t.Errorf("got more than one line: %v", err)
	case !strings.Contains(err.Error(), want):
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestFlagAndEnvErrors(t *testing.T) {
	tests := map[string]struct {
		env   string
		flags map[string]string
		want  string
	}{
		"unknown variable":       {env: "ATEDB_LISTN=x", want: `the environment variable ATEDB_LISTN is not a setting; did you mean ATEDB_LISTEN?`},
		"unknown, far off":       {env: "ATEDB_QQQQQQQQQQQQQQQQQ=x", want: `is not a setting; use ATEDB_AUTH, ATEDB_AUTH_RULE, ATEDB_COMPACT_MODE, `},
		"a port of ours":         {env: "ATEDB_PORT=5000", want: `the environment variable ATEDB_PORT is not a setting`},
		"variable of wrong type": {env: "ATEDB_DNS_SEC=maybe", want: `ATEDB_DNS_SEC: dns_sec must be true or false, not "maybe"`},
		"number":                 {env: "ATEDB_LIMITS_MAX_OPEN_CHAINS=1e3", want: `ATEDB_LIMITS_MAX_OPEN_CHAINS: limits.max_open_chains must be a whole number, not "1e3"`},
		"out of range":           {env: "ATEDB_LIMITS_MAX_OPEN_CHAINS=-1", want: `ATEDB_LIMITS_MAX_OPEN_CHAINS: limits.max_open_chains is -1; it must be between`},
		"log level":              {env: "ATEDB_LOG=loud", want: `ATEDB_LOG: log.level is "loud"; it must be trace,`},
		"trust":                  {env: "ATEDB_TRUST=me", want: `ATEDB_TRUST: the trust mode must be centralized or distributed, not "me"`},
		"storage":                {env: "ATEDB_STORAGE=..", want: `ATEDB_STORAGE: storage ".." is not a plugin's name`},
		"missing file":           {env: "ATEDB_CONFIG=/nonexistent/a.hcl", want: `there is no config file /nonexistent/a.hcl; correct the path`},
		"wrong file name":        {env: "ATEDB_CONFIG=/etc/hostname", want: `it must end in .hcl, .yaml or .yml`},
		"a folder":               {env: "ATEDB_CONFIG=/etc", want: `the config file /etc is not a regular file`},

		"listen":             {flags: map[string]string{"listen": "localhost"}, want: `--listen: must be an IP address, such as 127.0.0.1 or ::, not "localhost"`},
		"listen with port":   {flags: map[string]string{"listen": "127.0.0.1:1"}, want: `the port is given by --port`},
		"port":               {flags: map[string]string{"port": "65536"}, want: `--port: must be a port, 0 to 65535, not "65536"`},
		"wire encryption":    {flags: map[string]string{"wire-encryption": "64"}, want: `--wire-encryption: wire_encryption must be one of 128, 192, 256 or off, not "64"`},
		"no wire encryption": {flags: map[string]string{"no-wire-encryption": "x"}, want: `--no-wire-encryption: must be true or false, not "x"`},
		"compact mode":       {flags: map[string]string{"compact-mode": "often"}, want: `--compact-mode: the compaction mode must be never, modified,`},
		"compact factor":     {flags: map[string]string{"compact-threshold-factor": "-1"}, want: `--compact-threshold-factor: must be a number that is not negative, not "-1"`},
		"compact size":       {flags: map[string]string{"compact-threshold-size": "big"}, want: `--compact-threshold-size: must be a number`},
		"compact timer":      {flags: map[string]string{"compact-timer": "true"}, want: `--compact-timer: must be a number`},
		"auth":               {flags: map[string]string{"auth": ""}, want: `--auth: must be the URL of an authentication server`},
		"DNS":                {flags: map[string]string{"dns-server": "x"}, want: `--dns-server: dns_server is "x"; it must be an IP address`},
		"logs path":          {flags: map[string]string{"logs-path": ""}, want: `--logs-path: logs_path is ""; it must be`},
		"verbose":            {flags: map[string]string{"verbose": "-1"}, want: `--verbose: must be a number of times`},
		"debug":              {flags: map[string]string{"debug": "x"}, want: `--debug: must be true or false`},
		"unknown flag":       {flags: map[string]string{"x": "y"}, want: `--x: this is not a setting's flag`},
		"auth twice":         {flags: map[string]string{"auth": "ws://x", "no-auth": "true"}, want: `--auth: this and --no-auth contradict each other; give one of them`},
		"encryption twice": {flags: map[string]string{"wire-encryption": "128", "no-wire-encryption": "true"},
			want: `--wire-encryption: this and --no-wire-encryption contradict each other; give one of them`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, "", "", []string{tt.env}, tt.flags)
			checkFault(t, err, tt.want)
		})
	}
	_, err := load(t, "", "", []string{"ATEDB_AUTH=ws://x", "ATEDB_NO_AUTH=1"}, nil)
	checkFault(t, err, "ATEDB_AUTH: this and ATEDB_NO_AUTH contradict each other")
	_, err = load(t, "", "", []string{"ATEDB_LOG=info", "ATEDB_LOG_LEVEL=info"}, nil)
	checkFault(t, err, "ATEDB_LOG: this and ATEDB_LOG_LEVEL contradict each other")
}

func TestFileTooLarge(t *testing.T) {
	_, err := load(t, "a.hcl", strings.Repeat("#\n", MaxFile), nil, nil)
	checkFault(t, err, "has 2097152 bytes; at most 1048576 are allowed")
}

func TestWhichFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, listen string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("listen: '"+listen+"'"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	flag, env, system := write("flag.yaml", ":1"), write("env.yaml", ":2"), write("system.yaml", ":3")
	other, missing := write("other.yaml", ":4"), filepath.Join(dir, "missing.yaml")
	tests := []struct {
		sources Sources
		want    string
	}{
		{Sources{Path: flag, Env: []string{"ATEDB_CONFIG=" + env}, system: []string{system}}, ":1"},
		{Sources{Env: []string{"ATEDB_CONFIG=" + env}, system: []string{system}}, ":2"},
		{Sources{system: []string{missing, system}}, ":3"},
		{Sources{system: []string{missing}}, "[::]:5000"},
	}
	for _, tt := range tests {
		c, err := Load(tt.sources)
		if err != nil {
			t.Fatal(err)
		}
		if c.Listen != tt.want {
			t.Errorf("listen is %s, want %s", c.Listen, tt.want)
		}
	}
	_, err := Load(Sources{system: []string{system, other}})
	checkFault(t, err, "there is more than one config file, "+system+" and "+other+"; remove one or name one with --config")
}

func TestPaths(t *testing.T) {
	home, work := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Chdir(work)
	c := mustLoad(t, "a.hcl", `
		logs_path   = "~/chains"
		runtime_dir = "run"
		plugin_dirs = ["~", "./p/../q", "~other"]
		plugin "auth" "x" { path = "~/x" }`, nil, nil)
	got := append([]string{c.LogsPath, c.RuntimeDir, c.Plugins[0].Path}, c.PluginDirs...)
	want := []string{home + "/chains", work + "/run", home + "/x", home, work + "/q", work + "/~other"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the paths are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	t.Setenv("HOME", "")
	_, err := load(t, "a.hcl", `logs_path = "~/chains"`, nil, nil)
	checkFault(t, err, "the path ~/chains cannot be found")
}

// FuzzParseFile looks for files that make a parser panic.
func FuzzParseFile(f *testing.F) {
	for _, seed := range []string{everythingHCL, everythingYAML, "a {", "auth \"x\" {}\nauth = [", "a: &a [*a]", "x = <<E\nE\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, path := range []string{"/a.hcl", "/a.yaml"} {
			doc, err := parseFile(path, []byte(text))
			if err != nil {
				continue
			}
			l := &loader{values: map[string]any{}, origins: map[string]Origin{}}
			if err := l.loadGroup(doc, "", doc.values); err != nil && !fault.Is(err, fault.BadConfig) {
				t.Errorf("a file gives %v, want bad_config", err)
			}
		}
	})
}
