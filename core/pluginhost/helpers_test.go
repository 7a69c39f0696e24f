package pluginhost

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// patience is how long a test waits for what should happen soon.
const patience = 20 * time.Second

// quick are timings under which nothing that goes well takes longer.
var quick = Timing{
	Launch: 10 * time.Second, Configure: 10 * time.Second, Call: 10 * time.Second,
	HealthEvery: 50 * time.Millisecond, HealthWait: 5 * time.Second,
	Retry: time.Millisecond, Cooldown: 100 * time.Millisecond,
}

// bench is a host with a folder of fake plugins, and its log.
type bench struct {
	*Host
	dir     string
	runtime string
	log     *logBuffer
}

func newBench(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	b := &bench{dir: fakePlugins(t), runtime: shortDir(t), log: new(logBuffer)}
	cfg := Config{
		Dirs: []string{filepath.Join(b.dir, "nowhere"), b.dir}, RuntimeDir: b.runtime, DataDir: "/data", Timing: quick,
		Logger: hclog.New(&hclog.LoggerOptions{Output: b.log, Level: hclog.Trace}),
	}
	if change != nil {
		change(&cfg)
	}
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.Host = h
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// fakePlugins makes a folder in which every auth plugin of fake_test.go is.
func fakePlugins(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"good", "exits", "prints", "silent", "trusting", "chatty", "future", "protocol"} {
		if err := os.Symlink(self, filepath.Join(dir, programPrefix+"auth-"+name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shortDir is a folder whose name is short enough for sockets.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (b *bench) start(t *testing.T, name, config string) *Plugin {
	t.Helper()
	p, err := b.Start(t.Context(), Spec{Kind: plugin.KindAuth, Name: name, Config: []byte(config)})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// refused starts a plugin that must not start, and returns why.
func (b *bench) refused(t *testing.T, spec Spec, code fault.Code, words ...string) {
	t.Helper()
	_, err := b.Start(t.Context(), spec)
	wantFault(t, err, code, words...)
}

func wantFault(t *testing.T, err error, code fault.Code, words ...string) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("got %v, want code %s", err, code)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

// pid asks the plugin for the process that answers.
func pid(t testing.TB, p *Plugin) int {
	t.Helper()
	answer, err := p.Auth().Resolve(t.Context(), auth.Query{Chain: "example.com/joe/db"})
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(string(answer.RootKeys[0]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func kill(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// alive reports whether a process runs; one that nobody has reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return err == nil && len(after) > 0 && after[0] != 'Z'
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// logBuffer keeps a log for a test to look at.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBuffer) has(text string) bool { return strings.Contains(l.String(), text) }
