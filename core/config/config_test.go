package config

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// load loads settings from a file with this name and text, if any.
func load(t *testing.T, name, text string, env []string, flags map[string]string) (*Config, error) {
	t.Helper()
	s := Sources{Env: env, Flags: flags, system: []string{}}
	if name != "" {
		s.Path = filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(s.Path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(s)
}

func mustLoad(t *testing.T, name, text string, env []string, flags map[string]string) *Config {
	t.Helper()
	c, err := load(t, name, text, env, flags)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sameSettings compares everything but where it came from.
func sameSettings(t *testing.T, got, want *Config) {
	t.Helper()
	gotKeys, wantKeys := maps.Collect(got.settings()), maps.Collect(want.settings())
	for key := range wantKeys {
		g, w := gotKeys[key].Interface(), wantKeys[key].Interface()
		if !reflect.DeepEqual(g, w) {
			t.Errorf("%s is %v, want %v", key, texts(g), texts(w))
		}
	}
}

func texts(v any) any {
	if blocks, ok := v.([]Block); ok {
		var out []string
		for _, b := range blocks {
			out = append(out, b.Name+string(b.Config))
		}
		return out
	}
	return v
}

func TestDefaults(t *testing.T) {
	c := mustLoad(t, "", "", nil, nil)
	sameSettings(t, c, Default())
	if err := Default().Validate(); err != nil {
		t.Errorf("the defaults are invalid: %v", err)
	}
	for _, s := range c.Settings() {
		if s.Origin != "default" {
			t.Errorf("%s comes from %s, want default", s.Key, s.Origin)
		}
	}
}

const everythingHCL = `
# a comment
listen          = "127.0.0.1:5001"
logs_path       = "/srv/ate"
runtime_dir     = "/run/other"
wire_encryption = 256
storage "memory" { size = "64MiB" }
auth "static" { file = "/etc/owners" }
auth "acme"   { retries = 3  nested { on = true }  owners = { "joe@example.com" = ["a", "b"] } }
trust "distributed" {}
compaction "acme" {}
compaction "standard" { mode = "never"  factor = 0.5 }
plugin "auth" "acme" { path = "/opt/acme/plugin"  sha256 = "` + sum + `" }
plugin "compaction" "acme" { path = "/opt/acme/other" }
plugin_dirs = ["/opt/a", "/opt/b"]
may_end_live = ["acme", "standard"]
require_checksums = true
dns_server = "[::1]:53"
dns_sec = true
dns_anchors = "/etc/anchors"
auth_rule = "all"
log { level = "warn"  format = "json" }
tls {
  certificate = "/c"
  key         = "/k"
}
limits {
  max_connections             = 1
  max_connections_per_address = 2
  max_open_chains             = 3
  max_compactions             = 4
  compaction_mib_per_second   = 5
  tombstone_time     = "3h"
  strategy_patience  = "4m"
  handshake_timeout  = "1s"
  idle_chain_timeout = "2m"
  shutdown_timeout   = "1m30s"
}
`

const everythingYAML = `
listen: 127.0.0.1:5001
logs_path: /srv/ate
runtime_dir: /run/other
wire_encryption: 256
storage:
  memory: { size: 64MiB }
auth:
  - static: { file: /etc/owners }
  - acme: { retries: 3, nested: { on: true }, owners: { joe@example.com: [a, b] } }
trust: { distributed: }
compaction:
  - acme: {}
  - standard: { mode: never, factor: 0.5 }
plugin:
  auth: { acme: { path: /opt/acme/plugin, sha256: ` + sum + ` } }
  compaction: { acme: { path: /opt/acme/other } }
plugin_dirs: [/opt/a, /opt/b]
may_end_live: [acme, standard]
require_checksums: true
dns_server: "[::1]:53"
dns_sec: true
dns_anchors: /etc/anchors
auth_rule: all
log: { level: warn, format: json }
tls:
  certificate: /c
  key: /k
limits:
  max_connections: 1
  max_connections_per_address: 2
  max_open_chains: 3
  max_compactions: 4
  compaction_mib_per_second: 5
  tombstone_time: 3h
  strategy_patience: 4m
  handshake_timeout: 1s
  idle_chain_timeout: 2m
  shutdown_timeout: 1m30s
`

const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestFilesSayTheSame(t *testing.T) {
	want := &Config{
		Listen: "127.0.0.1:5001", LogsPath: "/srv/ate", RuntimeDir: "/run/other", WireEncryption: 256,
		Storage: Block{"memory", []byte(`{"size":"64MiB"}`)},
		Auth: []Block{
			{"static", []byte(`{"file":"/etc/owners"}`)},
			{"acme", []byte(`{"nested":{"on":true},"owners":{"joe@example.com":["a","b"]},"retries":3}`)},
		},
		Trust:      Block{"distributed", []byte(`{}`)},
		Compaction: []Block{{"acme", []byte(`{}`)}, {"standard", []byte(`{"factor":0.5,"mode":"never"}`)}},
		Plugins: []Plugin{
			{Kind: "auth", Name: "acme", Path: "/opt/acme/plugin", SHA256: sum},
			{Kind: "compaction", Name: "acme", Path: "/opt/acme/other"},
		},
		MayEndLive: []string{"acme", "standard"}, PluginDirs: []string{"/opt/a", "/opt/b"}, RequireChecksums: true,
		DNSServer: "[::1]:53", DNSSec: true, DNSAnchors: "/etc/anchors", AuthRule: "all",
		Log: Log{Level: "warn", Format: "json"}, TLS: TLS{Certificate: "/c", Key: "/k"},
		Limits: Limits{MaxConnections: 1, MaxConnectionsPerAddress: 2, MaxOpenChains: 3, MaxCompactions: 4, CompactionMiBPerSecond: 5, TombstoneTime: 3 * time.Hour, StrategyPatience: 4 * time.Minute,
			HandshakeTimeout: time.Second, IdleChainTimeout: 2 * time.Minute, ShutdownTimeout: 90 * time.Second},
	}
	for key, field := range want.settings() { // so that a new setting is tested too
		if field.IsZero() && key != "no_auth" {
			t.Errorf("the test's files do not set %s", key)
		}
	}
	for name, text := range map[string]string{"atedb.hcl": everythingHCL, "atedb.yaml": everythingYAML, "atedb.yml": everythingYAML} {
		t.Run(name, func(t *testing.T) { sameSettings(t, mustLoad(t, name, text, nil, nil), want) })
	}
}

func TestBlocksKeepTheirShape(t *testing.T) {
	hcl := mustLoad(t, "a.hcl", `auth "x" {
		one = [{ a = 1 }]
		rule { a = 1 }
		rule { a = 2 }
		big = 104857600
		html = "<&>"
	}`, nil, nil)
	yaml := mustLoad(t, "a.yaml", `auth: { x: { one: [{ a: 1 }], rule: [{ a: 1 }, { a: 2 }], big: 104857600, html: <&> } }`, nil, nil)
	want := `{"big":104857600,"html":"<&>","one":[{"a":1}],"rule":[{"a":1},{"a":2}]}`
	for _, c := range []*Config{hcl, yaml} {
		if got := string(c.Auth[0].Config); got != want {
			t.Errorf("the block is %s, want %s", got, want)
		}
	}
}

// TestLayers checks for each kind of setting that flags beat the environment,
// which beats the file, which beats the defaults.
func TestLayers(t *testing.T) {
	tests := []struct {
		key, file, env, flag, value string // in a.yaml; NAME=value; the flag's name and value
		want                        [3]any // after the file, the environment, the flags
	}{
		{"listen", "listen: '[::1]:1'", "ATEDB_LISTEN=[::1]:2", "port", "3", [3]any{"[::1]:1", "[::1]:2", "[::1]:3"}},
		{"listen", "listen: '[::1]:1'", "ATEDB_LISTEN=[::1]:2", "listen", "127.0.0.1", [3]any{"[::1]:1", "[::1]:2", "127.0.0.1:2"}},
		{"logs_path", "logs_path: /a", "ATEDB_LOGS_PATH=/b", "logs-path", "/c", [3]any{"/a", "/b", "/c"}},
		{"wire_encryption", "wire_encryption: off", "ATEDB_WIRE_ENCRYPTION=192", "wire-encryption", "256",
			[3]any{WireEncryption(0), WireEncryption(192), WireEncryption(256)}},
		{"wire_encryption", "wire_encryption: 256", "ATEDB_WIRE_ENCRYPTION=192", "no-wire-encryption", "true",
			[3]any{WireEncryption(256), WireEncryption(192), WireEncryption(0)}},
		{"trust", "trust: {acme: {a: 1}}", "ATEDB_TRUST=centralized", "trust", "distributed",
			[3]any{Block{"acme", []byte(`{"a":1}`)}, Block{"centralized", []byte(`{}`)}, Block{"distributed", []byte(`{}`)}}},
		{"auth", "auth: {static: {}}", "ATEDB_AUTH=ws://a/auth", "auth", "ws://b/auth",
			[3]any{[]Block{{"static", []byte(`{}`)}}, []Block{ateAuth("ws://a/auth")}, []Block{ateAuth("ws://b/auth")}}},
		{"auth", "no_auth: true", "ATEDB_AUTH=ws://a/auth", "no-auth", "true",
			[3]any{[]Block{}, []Block{ateAuth("ws://a/auth")}, []Block{}}},
		{"no_auth", "no_auth: true", "ATEDB_NO_AUTH=false", "no-auth", "true", [3]any{true, false, true}},
		{"dns_server", "dns_server: 1.1.1.1", "ATEDB_DNS_SERVER=1.1.1.2", "dns-server", "1.1.1.3", [3]any{"1.1.1.1", "1.1.1.2", "1.1.1.3"}},
		{"dns_sec", "dns_sec: true", "ATEDB_DNS_SEC=false", "dns-sec", "true", [3]any{true, false, true}},
		{"log.level", "log: {level: error}", "ATEDB_LOG=warn", "verbose", "2", [3]any{"error", "warn", "trace"}},
		{"log.level", "log: {level: error}", "ATEDB_LOG_LEVEL=warn", "debug", "true", [3]any{"error", "warn", "debug"}},
		{"compaction", "compaction: {standard: {mode: size}}", "ATEDB_COMPACT_MODE=timer", "compact-mode", "growth-or-timer",
			[3]any{standard(`{"mode":"size"}`), standard(`{"mode":"timer"}`), standard(`{"mode":"factor-or-timer"}`)}},
		{"compaction", "compaction: {standard: {size: 1GiB}}", "ATEDB_COMPACT_THRESHOLD_SIZE=5", "compact-threshold-size", "104857600",
			[3]any{standard(`{"size":"1GiB"}`), standard(`{"size":5}`), standard(`{"size":104857600}`)}},
		{"compaction", "compaction: {standard: {big: 9007199254740993}}", "ATEDB_COMPACT_THRESHOLD_FACTOR=0.5", "compact-timer", "60",
			[3]any{standard(`{"big":9007199254740993}`), standard(`{"big":9007199254740993,"factor":0.5}`), standard(`{"big":9007199254740993,"factor":0.5,"timer":60}`)}},
		{"compaction", "compaction: {acme: {}}", "ATEDB_COMPACT_MODE=never", "compact-timer", "1",
			[3]any{[]Block{{"acme", []byte(`{}`)}}, []Block{{"acme", []byte(`{}`)}, standard(`{"mode":"never"}`)[0]},
				[]Block{{"acme", []byte(`{}`)}, standard(`{"mode":"never","timer":1}`)[0]}}},
	}
	for _, tt := range tests {
		t.Run(tt.key+" --"+tt.flag, func(t *testing.T) {
			layers := []struct {
				env   []string
				flags map[string]string
			}{{}, {env: []string{tt.env}}, {[]string{tt.env}, map[string]string{tt.flag: tt.value}}}
			for i, layer := range layers {
				c := mustLoad(t, "a.yaml", tt.file, layer.env, layer.flags)
				if got := maps.Collect(c.settings())[tt.key].Interface(); !reflect.DeepEqual(got, tt.want[i]) {
					t.Errorf("layer %d: %s is %v, want %v", i, tt.key, texts(got), texts(tt.want[i]))
				}
			}
		})
	}
}

func standard(config string) []Block { return []Block{{"standard", []byte(config)}} }

func TestEveryKeyHasAVariable(t *testing.T) {
	values := map[reflect.Type][2]string{
		reflect.TypeFor[string]():         {"", ""}, // below
		reflect.TypeFor[bool]():           {"true", "true"},
		reflect.TypeFor[int]():            {"77", "77"},
		reflect.TypeFor[time.Duration]():  {"77s", "1m17s"},
		reflect.TypeFor[WireEncryption](): {"192", "192"},
		reflect.TypeFor[[]string]():       {"/x:/y", "[/x /y]"},
	}
	texts := map[string]string{"listen": "[::]:77", "logs_path": "/x", "runtime_dir": "/y", "dns_server": "::1", "log.level": "off", "log.format": "json", "tls.certificate": "/c", "tls.key": "/k", "dns_anchors": "/a", "auth_rule": "first-grant"}
	for key, typ := range types {
		if typ == nil || isBlock(typ) {
			continue
		}
		value := values[typ]
		if typ.Kind() == reflect.String {
			value = [2]string{texts[key], texts[key]}
		}
		if key == "may_end_live" {
			value = [2]string{"standard", "[standard]"}
		}
		name := "ATEDB_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		// A certificate and its key go together, and anchors with DNSSEC; what comes later counts.
		env := []string{"HOME=/elsewhere", "ATEDB_TLS_CERTIFICATE=/c", "ATEDB_TLS_KEY=/k", "ATEDB_DNS_SEC=true", name + "=" + value[0]}
		c := mustLoad(t, "", "", env, nil)
		field := maps.Collect(c.settings())[key].Interface()
		got := field
		if s, ok := field.(interface{ String() string }); ok {
			got = s.String()
		}
		if gotText := strings.TrimSpace(fmt.Sprint(got)); gotText != value[1] {
			t.Errorf("%s=%s makes %s %q, want %q", name, value[0], key, gotText, value[1])
		}
		if o := c.Origin(key).String(); o != "env:"+name {
			t.Errorf("the origin of %s is %s, want env:%s", key, o, name)
		}
	}
}

func TestWireEncryptionFollowsTrust(t *testing.T) {
	tests := map[string]struct {
		flags map[string]string
		want  WireEncryption
	}{
		"centralized":          {nil, 128},
		"distributed":          {map[string]string{"trust": "distributed"}, 0},
		"distributed with 256": {map[string]string{"trust": "distributed", "wire-encryption": "256"}, 256},
		"switched off":         {map[string]string{"no-wire-encryption": "true"}, 0},
		"not switched off":     {map[string]string{"no-wire-encryption": "false"}, 128},
	}
	for name, tt := range tests {
		if got := mustLoad(t, "", "", nil, tt.flags).WireEncryption; got != tt.want {
			t.Errorf("%s: wire encryption is %s, want %s", name, got, tt.want)
		}
	}
}

func TestRustLog(t *testing.T) {
	tests := map[string]string{
		"info": "info", "DEBUG": "debug", "off": "off", "": "info",
		"hyper=trace,warn":         "warn",
		"atedb=debug,info":         "debug",
		"ate::chain=trace":         "trace",
		"hyper=trace":              "info",
		"error,atedb=warn/connect": "warn",
		"nonsense,,=,x=":           "info",
	}
	for value, want := range tests {
		if got := mustLoad(t, "", "", []string{"RUST_LOG=" + value}, nil).Log.Level; got != want {
			t.Errorf("RUST_LOG=%s gives %s, want %s", value, got, want)
		}
	}
	c := mustLoad(t, "", "", []string{"RUST_LOG=trace", "ATEDB_LOG=warn"}, nil)
	if c.Log.Level != "warn" {
		t.Errorf("ATEDB_LOG=warn beside RUST_LOG=trace gives %s, want warn", c.Log.Level)
	}
}

func TestVariablesThatAreNotOurs(t *testing.T) {
	mustLoad(t, "", "", []string{
		"ATEDB_SERVICE_HOST=10.0.0.1", "ATEDB_SERVICE_PORT=5000", "ATEDB_SERVICE_PORT_WS=5000", "ATEDB_PORT=tcp://10.0.0.1:5000",
		"ATEDB_PORT_5000_TCP=tcp://10.0.0.1:5000", "ATEDB_PORT_5000_TCP_ADDR=10.0.0.1", "PATH=/bin", "ATEDBX=1", "ATEDB_LISTEN=",
	}, nil)
}

func TestFlagErrorsAreUsage(t *testing.T) {
	_, err := load(t, "", "", nil, map[string]string{"port": "http"})
	var usage *FlagError
	if !errors.As(err, &usage) || !fault.Is(err, fault.BadConfig) {
		t.Errorf("a wrong flag gives %v, want a FlagError with bad_config", err)
	}
	_, err = load(t, "", "", []string{"ATEDB_LISTEN=x"}, nil)
	if errors.As(err, &usage) || !fault.Is(err, fault.BadConfig) {
		t.Errorf("a wrong variable gives %v, want bad_config that is no FlagError", err)
	}
}
