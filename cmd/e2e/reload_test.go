package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/atedb/atedb/core/certificate/certificatetest"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// reloaded is a daemon whose config file is edited.
type reloaded struct {
	*daemon
	t            *testing.T
	config, data string
}

// startReloaded starts a daemon with a config file, without wire encryption.
func startReloaded(t *testing.T, settings string) *reloaded {
	t.Helper()
	r := &reloaded{t: t, config: filepath.Join(t.TempDir(), "atedb.hcl"), data: t.TempDir()}
	r.edit(settings)
	r.daemon = startDaemonWith(t, []string{"--config", r.config, "--no-wire-encryption", "solo"}, r.data)
	return r
}

func (r *reloaded) edit(settings string) {
	r.t.Helper()
	if err := os.WriteFile(r.config, []byte(settings), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// reload runs atedb reload, which ends with a status, and returns what it printed.
func (r *reloaded) reload(status int) string {
	r.t.Helper()
	cmd := atedb(testContext(r.t), "--config", r.config, "reload", "--logs-path", r.data)
	out, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != status {
		r.t.Fatalf("atedb reload: %v, want status %d: %s", err, status, out)
	}
	return string(out)
}

// processes returns the names and process ids of the plugins that run.
func (r *reloaded) processes() []string {
	var running []string
	for pid, name := range r.plugins() {
		running = append(running, fmt.Sprint(name, " ", pid))
	}
	slices.Sort(running)
	return running
}

// awaitPlugins waits until there are these programs and no others.
func (r *reloaded) awaitPlugins(want ...string) {
	r.t.Helper()
	var names []string
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(10 * time.Millisecond) {
		if names = slices.Sorted(maps.Values(r.plugins())); slices.Equal(names, want) {
			return
		}
	}
	r.t.Fatalf("these plugins run: %v; want %v", names, want)
}

// create makes a chain, or returns why it is not made.
func (r *reloaded) create(name string) error {
	c, err := client.Dial(testContext(r.t), r.url(name), client.Options{Create: true})
	if err != nil {
		return err
	}
	return c.Close()
}

// busy is somebody who writes one event after the other, and another who reads
// them.
type busy struct {
	follower *follower
	cancel   context.CancelFunc
	done     sync.WaitGroup
	values   map[string]string
	err      error
}

func writeBusily(t *testing.T, url string) *busy {
	t.Helper()
	c, err := client.Dial(testContext(t), url, client.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(testContext(t))
	b := &busy{follower: follow(t, testContext(t), url), cancel: cancel, values: make(map[string]string)}
	b.done.Go(func() {
		defer c.Close()
		for n := 0; b.err == nil && ctx.Err() == nil; n++ {
			key, value := fmt.Sprint("object-", n%10), fmt.Sprint("value ", n)
			if _, b.err = c.Commit(testContext(t), client.Event{Header: event.Header{Key: []byte(key)}, Data: []byte(value)}); b.err == nil {
				b.values[key] = value
			}
		}
	})
	return b
}

// end has the writer stop, and waits until the reader has what was written last.
func (b *busy) end(t *testing.T) {
	t.Helper()
	b.cancel()
	if b.done.Wait(); b.err != nil {
		t.Errorf("the writer: %v", b.err)
	}
	b.follower.await(t, b.values)
}

// TestReload edits a running daemon's configuration: who owns new chains and what
// compacts changes at once, and neither a writer nor a reader notices. What is
// wrong with it changes nothing.
func TestReload(t *testing.T) {
	owners := filepath.Join(t.TempDir(), "owners.yaml")
	if err := os.WriteFile(owners, []byte("engineers: public\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const others = "compaction-standard storage-file trust-centralized"
	static := fmt.Sprintf("auth \"static\" { file = %q }\n", owners)
	auth := startAuthServer(t)
	ate := fmt.Sprintf("auth \"ate\" { url = \"ws://%s/auth\" }\n", auth.addr)
	r := startReloaded(t, static)
	b := writeBusily(t, r.url("engineers/first"))
	defer b.cancel()
	running := r.processes()

	if got := r.reload(0); got != "nothing changed\n" {
		t.Errorf("of the same file: %q", got)
	}
	for what, test := range map[string]struct{ settings, says string }{
		"an unknown setting":        {static + "lsten = \"127.0.0.1:1\"\n", "lsten"},
		"a plugin that is not":      {static + "compaction \"none\" {}\n", "compaction-none"},
		"a plugin that cannot work": {"auth \"static\" { file = \"/none/owners.yaml\" }\n", "/none/owners.yaml"},
		"another mode of trust":     {static + "trust \"distributed\" {}\n", "another mode needs a restart [bad_config]"},
		"two and one is not":        {static + "auth \"none\" {}\n", "auth-none"},
	} {
		r.edit(test.settings)
		if got := r.reload(1); !strings.Contains(got, test.says) {
			t.Errorf("%s: it does not say %q: %s", what, test.says, got)
		}
		r.awaitPlugins(append([]string{"auth-static"}, strings.Fields(others)...)...)
		if now := r.processes(); !slices.Equal(now, running) {
			t.Errorf("%s: these run: %v, and %v did before", what, now, running)
		}
		if err := r.create("engineers/" + strings.ReplaceAll(what, " ", "-")); err != nil {
			t.Errorf("%s: a chain that could be made before: %v", what, err)
		}
	}

	// Owners are told by an authentication server, and then by the file again.
	for n := range 3 {
		r.edit(ate)
		got := r.reload(0)
		for _, line := range []string{"changed          auth.ate.url, auth.static.file\n", "started          auth-ate\n", "stopped          auth-static\n"} {
			if !strings.Contains(got, line) {
				t.Errorf("it does not say %q: %s", line, got)
			}
		}
		if err := r.create(fmt.Sprint("engineers/ate-", n)); !fault.Is(err, fault.Denied) {
			t.Errorf("the authentication server knows no engineers: %v", err)
		}
		r.awaitPlugins(append([]string{"auth-ate"}, strings.Fields(others)...)...)
		r.edit(static)
		r.cmd.Process.Signal(syscall.SIGHUP)
		r.awaitPlugins(append([]string{"auth-static"}, strings.Fields(others)...)...)
		if err := r.create(fmt.Sprint("engineers/static-", n)); err != nil {
			t.Errorf("the file says that anybody may: %v", err)
		}
	}

	// Other rules hold for chains that are open.
	r.edit(static + "compaction \"standard\" {\n mode = \"size\"\n size = \"1MiB\"\n}\nmay_end_live = []\n")
	if got := r.reload(0); !strings.Contains(got, "compaction.standard.size") {
		t.Errorf("of other rules: %s", got)
	}
	inspect := atedb(testContext(t), "chain", "inspect", "engineers/first", "--logs-path", r.data)
	if out, err := inspect.CombinedOutput(); err != nil || !strings.Contains(string(out), "trigger\tstandard\tsize=1048576\n") {
		t.Errorf("the chain is compacted by: %s, %v", out, err)
	}

	// What needs a restart is told, until it is taken back.
	r.edit(static + "listen = \"127.0.0.1:9\"\nlimits {\n max_open_chains = 77\n}\nlog {\n level = \"debug\"\n}\n")
	for range 2 {
		if got := r.reload(0); !strings.Contains(got, "needs a restart  limits.max_open_chains\n") {
			t.Errorf("of a setting that needs a restart: %s", got)
		}
	}
	r.edit(static)
	if got := r.reload(0); strings.Contains(got, "restart") {
		t.Errorf("of a setting that was taken back: %s", got)
	}
	b.end(t)
	r.stop()
}

// TestReloadAfterAnUpgrade replaces programs of plugins: only these are restarted,
// and storage is not.
func TestReloadAfterAnUpgrade(t *testing.T) {
	programs := t.TempDir()
	install := func(name string) {
		t.Helper()
		name = "atedb-plugin-" + name
		program, err := os.ReadFile(filepath.Join(bin, name))
		if err != nil {
			t.Fatal(err)
		}
		fresh := filepath.Join(programs, name+".new")
		if err := errors.Join(os.WriteFile(fresh, program, 0o700), os.Rename(fresh, filepath.Join(programs, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"storage-file", "trust-centralized", "compaction-standard"} {
		install(name)
	}
	r := startReloaded(t, fmt.Sprintf("no_auth = true\nplugin_dirs = [%q]\n", programs))
	b := writeBusily(t, r.url("example.com/joe/mydb"))
	defer b.cancel()
	for range 3 {
		before := r.processes()
		install("trust-centralized")
		install("storage-file")
		if got := r.reload(0); got != "started          trust-centralized\nstopped          trust-centralized\nneeds a restart  storage-file\n" {
			t.Errorf("it says %q", got)
		}
		r.awaitPlugins("compaction-standard", "storage-file", "trust-centralized")
		after := r.processes()
		if !slices.Equal(after[:2], before[:2]) || after[2] == before[2] {
			t.Errorf("these run: %v, and %v did before", after, before)
		}
	}
	b.end(t)
	r.stop()
}

// TestReloadCertificate has clients that come later shown another certificate, by
// a server that connections go on with; and keeps it if the next one is no good.
func TestReloadCertificate(t *testing.T) {
	folder := t.TempDir()
	if err := certificatetest.Write(folder); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("no_auth = true\ntls {\n certificate = \"%[1]s/cert.pem\"\n key = \"%[1]s/key.pem\"\n}\n", folder)
	r := startReloaded(t, settings)
	b := writeBusily(t, r.url("example.com/joe/mydb"))
	defer b.cancel()
	joe, url := newPerson(t, false), "wss://"+r.addr+"/db/example.com/joe/greetings"
	old := filepath.Join(t.TempDir(), "old.pem")
	copyFile(t, filepath.Join(folder, "cert.pem"), old)
	joe.must("put", "--ca", old, url, "greeting", "hello")

	if err := os.WriteFile(filepath.Join(folder, "key.pem"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := r.reload(1); !strings.Contains(got, "key.pem") {
		t.Errorf("of a key that is none: %s", got)
	}
	joe.must("get", "--ca", old, url, "greeting")

	if err := certificatetest.Write(folder); err != nil {
		t.Fatal(err)
	}
	r.reload(0)
	joe.must("get", "--ca", filepath.Join(folder, "cert.pem"), url, "greeting")
	if status, _, stderr := joe.ate("get", "--timeout", "2s", "--ca", old, url, "greeting"); status == 0 {
		t.Errorf("the old certificate is still shown: %s", stderr)
	}

	r.edit("no_auth = true\n")
	if got := r.reload(0); got != "needs a restart  tls.certificate, tls.key\n" {
		t.Errorf("of no certificate any more: %q", got)
	}
	b.end(t)
	r.stop()
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
