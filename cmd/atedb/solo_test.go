package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/internal/logging"
	"github.com/atedb/atedb/core/config"
)

// soloConfig returns the settings that a command line runs a server with.
func soloConfig(t *testing.T, args ...string) *config.Config {
	t.Helper()
	var cfg *config.Config
	root := newRoot()
	solo, _, err := root.Find([]string{"solo"})
	if err != nil {
		t.Fatal(err)
	}
	solo.RunE = func(cmd *cobra.Command, args []string) (err error) {
		cfg, err = loadConfig(cmd, args...)
		return err
	}
	root.SetArgs(args)
	root.SetErr(io.Discard)
	if err := root.Execute(); err != nil {
		t.Fatalf("atedb %s: %v", strings.Join(args, " "), err)
	}
	return cfg
}

// TestManualsCommandLines checks that the flags of the original manual do what
// it says.
func TestManualsCommandLines(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	tests := []struct {
		line string
		want map[string]string // of settings, as JSON
	}{
		{"solo", map[string]string{"listen": `"[::]:5000"`, "auth.ate.url": `"ws://tokera.sh/auth"`, "wire_encryption": `128`, "log.level": `"info"`}},
		{"--trust distributed solo", map[string]string{"trust.distributed": `{}`, "wire_encryption": `"off"`}},
		{"--wire-encryption 256 --trust distributed solo", map[string]string{"trust.distributed": `{}`, "wire_encryption": `256`}},
		{"-t centralized solo ~/another-path/", map[string]string{"trust.centralized": `{}`, "logs_path": `"` + home + `/another-path"`}},
		{"--no-auth --no-wire-encryption solo -l 127.0.0.1 -p 5555", map[string]string{"auth": `[]`, "wire_encryption": `"off"`, "listen": `"127.0.0.1:5555"`}},
		{"--dns 8.8.4.4 --auth ws://localhost:5555/auth solo -l 0.0.0.0", map[string]string{"dns_server": `"8.8.4.4"`, "auth.ate.url": `"ws://localhost:5555/auth"`, "listen": `"0.0.0.0:5000"`}},
		{"solo --dns-server 1.1.1.1 --dns-sec -a ws://x/auth --listen ::1 --port 1", map[string]string{"dns_server": `"1.1.1.1"`, "dns_sec": `true`, "auth.ate.url": `"ws://x/auth"`, "listen": `"[::1]:1"`}},
		{"solo --compact-mode growth-or-timer --compact-threshold-factor 0.5 --compact-threshold-size 1048576 --compact-timer 60 /logs", map[string]string{
			"compaction.standard.mode": `"factor-or-timer"`, "compaction.standard.factor": `0.5`, "compaction.standard.size": `1048576`, "compaction.standard.timer": `60`, "logs_path": `"/logs"`}},
		{"-v solo", map[string]string{"log.level": `"debug"`, "log.format": `"auto"`}},
		{"-vv solo", map[string]string{"log.level": `"trace"`}},
		{"-d solo", map[string]string{"log.level": `"debug"`, "log.format": `"text"`}},
	}
	for _, tt := range tests {
		shown := map[string]string{}
		for _, s := range soloConfig(t, strings.Fields(tt.line)...).Settings() {
			value, err := json.Marshal(s.Value)
			if err != nil {
				t.Fatal(err)
			}
			shown[s.Key] = string(value)
		}
		for key, want := range tt.want {
			if shown[key] != want {
				t.Errorf("atedb %s: %s is %s, want %s", tt.line, key, shown[key], want)
			}
		}
	}
}

// TestFlagsAndFileChooseTheSame checks that both spellings of a run start the
// same plugins with the same settings.
func TestFlagsAndFileChooseTheSame(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.hcl")
	if err := os.WriteFile(file, []byte(`
		auth "ate" { url = "ws://localhost:5001/auth" }
		trust "centralized" {}
		storage "file" {}
		compaction "standard" { mode = "never"  factor = 0.4  size = "100MiB"  timer = "1h" }
	`), 0o600); err != nil {
		t.Fatal(err)
	}
	specs := func(args ...string) string {
		out, err := json.Marshal(soloConfig(t, args...).PluginSpecs())
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	byFlags := specs("--auth", "ws://localhost:5001/auth", "--trust", "centralized", "solo", "--compact-mode", "never")
	if byFile := specs("--config", file, "solo"); byFlags != byFile {
		t.Errorf("flags start\n%s\nthe file starts\n%s", byFlags, byFile)
	}
}

func TestLogFormats(t *testing.T) {
	tests := map[string]string{"json": `{"@level":"info"`, "auto": `{"@level":"info"`, "text": "[INFO]  atedb: hello"}
	for format, want := range tests {
		out, err := os.Create(filepath.Join(t.TempDir(), "log"))
		if err != nil {
			t.Fatal(err)
		}
		log := logging.New("atedb", config.Log{Level: "info", Format: format}, out)
		log.Debug("too much")
		log.Info("hello")
		got, err := os.ReadFile(out.Name())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(got, []byte(want)) || bytes.Contains(got, []byte("too much")) {
			t.Errorf("the log as %s is %s, want %s", format, got, want)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
