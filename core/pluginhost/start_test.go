package pluginhost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/trust"
)

func TestStartServesAndTellsThePlugin(t *testing.T) {
	t.Setenv("TEST_SECRET", "must not leave the daemon")
	b := newBench(t, nil)
	p := b.start(t, "good", "")
	answer, err := p.Auth().Resolve(t.Context(), auth.Query{Chain: "example.com/joe/db"})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(answer.RootKeys[1]); got != "/data" {
		t.Errorf("the plugin was told the data folder %q", got)
	}
	if got := string(answer.RootKeys[2]); got != "env " {
		t.Errorf("the daemon's environment leaked: %q", got)
	}
	if info := p.Info(); info.Name != "good" || info.Version != "1.2.3" || info.Contracts[plugin.KindAuth] != auth.Version {
		t.Errorf("info is %+v", info)
	}
	wantFault(t, p.Trust().VerifyProof(t.Context(), trust.Proof{}), fault.NotAuthorized, "not the key")
	if !b.log.has("checksum is not pinned") {
		t.Error("nothing warns of the missing checksum")
	}
}

func TestStartRefusesWrongSpecs(t *testing.T) {
	b := newBench(t, nil)
	plain := filepath.Join(b.dir, programPrefix+"auth-plain")
	if err := os.WriteFile(plain, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what  string
		spec  Spec
		words []string
	}{
		{"unknown name", Spec{Kind: "auth", Name: "godo"}, []string{`"godo"`, "was not found", b.dir, "exits, future, good"}},
		{"unknown kind", Spec{Kind: "author", Name: "x"}, []string{"storage, auth, trust and compaction"}},
		{"kind without plugins", Spec{Kind: "storage", Name: "x"}, []string{"there is no storage plugin there"}},
		{"name that is a path", Spec{Kind: "auth", Name: "../good"}, []string{"small letters"}},
		{"relative path", Spec{Kind: "auth", Name: "good", Path: "bin/good"}, []string{"absolute"}},
		{"missing program", Spec{Kind: "auth", Name: "good", Path: "/nowhere/x"}, []string{"/nowhere/x", "there is nothing"}},
		{"folder", Spec{Kind: "auth", Name: "good", Path: b.dir}, []string{"not a file"}},
		{"not executable", Spec{Kind: "auth", Name: "plain"}, []string{plain, "chmod +x"}},
		{"malformed checksum", Spec{Kind: "auth", Name: "good", SHA256: "abc"}, []string{`"abc"`, "64 hexadecimal digits"}},
		{"unknown key", Spec{Kind: "auth", Name: "good", Config: []byte(`{"hank": true}`)}, []string{`"hank"`, "hang"}},
		{"other kind", Spec{Kind: "auth", Name: "trusting"}, []string{"of another kind", "compaction, trust"}},
		{"future contract", Spec{Kind: "auth", Name: "future"}, []string{"too new", "version 2", "version 1", "upgrade atedb"}},
		{"other protocol", Spec{Kind: "auth", Name: "protocol"}, []string{"plugin protocol", "9"}},
		{"print before the handshake", Spec{Kind: "auth", Name: "prints"}, []string{`"hello, world"`, "standard output"}},
	} {
		t.Run(c.what, func(t *testing.T) { b.refused(t, c.spec, fault.BadConfig, c.words...) })
	}
	t.Run("not a program", func(t *testing.T) {
		if err := os.Chmod(plain, 0o700); err != nil {
			t.Fatal(err)
		}
		b.refused(t, Spec{Kind: "auth", Name: "plain"}, fault.BadConfig, "cannot be run", "exec format error")
	})
	if left := socketFolders(t, b.Host.runtime.path); left != 0 {
		t.Errorf("%d folders for sockets are left", left)
	}
}

func TestStartChecksTheSum(t *testing.T) {
	b := newBench(t, func(c *Config) { c.RequireChecksums = true })
	program, err := os.ReadFile(filepath.Join(b.dir, programPrefix+"auth-good"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(program)
	right := hex.EncodeToString(sum[:])
	wrong := strings.Repeat("0", 64)
	b.refused(t, Spec{Kind: "auth", Name: "good"}, fault.BadConfig, "require_checksums")
	b.refused(t, Spec{Kind: "auth", Name: "good", SHA256: wrong}, fault.BadConfig, wrong, right)
	p, err := b.Start(t.Context(), Spec{Kind: "auth", Name: "good", SHA256: strings.ToUpper(right)})
	if err != nil {
		t.Fatal(err)
	}
	kill(t, pid(t, p)) // the checksum is computed anew for the restart
	pid(t, p)
}

func TestStartSurvivesPluginsThatDoNotServe(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Timing.Launch, c.Timing.Configure = 500*time.Millisecond, 500*time.Millisecond })
	b.Host.timing.Launch = patience
	b.refused(t, Spec{Kind: "auth", Name: "exits"}, fault.Unavailable, "exit status 3", "there is no licence")
	b.refused(t, Spec{Kind: "auth", Name: "good", Config: []byte(`{"hang": true}`)}, fault.Unavailable, "did not answer in time", "getting ready")
	b.Host.timing.Launch = 200 * time.Millisecond
	b.refused(t, Spec{Kind: "auth", Name: "silent"}, fault.Unavailable, "did not answer in time", "starting")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	b.Host.timing.Launch = patience
	_, err := b.Start(ctx, Spec{Kind: "auth", Name: "silent"})
	wantFault(t, err, fault.Unavailable, "given up")
	if left := socketFolders(t, b.Host.runtime.path); left != 0 {
		t.Errorf("%d folders for sockets are left", left)
	}
}

func TestValidateStartsAndStops(t *testing.T) {
	b := newBench(t, nil)
	if err := b.Validate(t.Context(), Spec{Kind: "auth", Name: "good", Config: []byte(`{"hang": true}`)}); err != nil {
		t.Error(err)
	}
	err := b.Validate(t.Context(), Spec{Kind: "auth", Name: "good", Config: []byte(`{"hang": 3}`)})
	wantFault(t, err, fault.BadConfig, `"good"`, `"hang"`, "number")
	wantFault(t, b.Validate(t.Context(), Spec{Kind: "auth", Name: "bad"}), fault.BadConfig, "was not found")
	if left := socketFolders(t, b.Host.runtime.path); left != 0 {
		t.Errorf("%d folders for sockets are left", left)
	}
}

func TestLogsArriveUnderThePluginsName(t *testing.T) {
	b := newBench(t, nil)
	p := b.start(t, "chatty", "")
	for _, want := range []string{
		"[INFO]  auth-chatty: on standard output", "[INFO]  auth-chatty: on standard error",
		"[INFO]  auth-chatty: through the logger: number=7", `auth-chatty: {"@message": 3}`, "xxx ... (cut)",
	} {
		eventually(t, want, func() bool { return b.log.has(want) })
	}
	if b.log.has("at debug level") {
		t.Error("the plugin logs at debug level by itself")
	}
	b.SetLogLevel(hclog.Debug)
	resolve := func(p *Plugin) {
		if _, err := p.Auth().Resolve(t.Context(), auth.Query{Chain: "example.com/joe/log"}); err != nil {
			t.Fatal(err)
		}
	}
	resolve(p)
	eventually(t, "the debug line", func() bool { return b.log.has("[DEBUG] auth-chatty: at debug level") })
	resolve(b.start(t, "good", ""))
	eventually(t, "a later plugin's debug line", func() bool { return b.log.has("[DEBUG] auth-good: at debug level") })
}

// socketFolders counts what is in a host's folder beside its lock.
func socketFolders(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries) - 1
}
