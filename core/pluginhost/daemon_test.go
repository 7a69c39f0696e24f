package pluginhost

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/atedb/atedb/sdk/auth"
)

// runFakeDaemon is the main function of a daemon: it starts a plugin, prints
// its process id, and stays.
func runFakeDaemon(plugins string) {
	err := func() error {
		h, err := New(Config{Dirs: []string{plugins}, RuntimeDir: filepath.Join(plugins, "run")})
		if err != nil {
			return err
		}
		p, err := h.Start(context.Background(), Spec{Kind: "auth", Name: "good"})
		if err != nil {
			return err
		}
		answer, err := p.Auth().Resolve(context.Background(), auth.Query{Chain: "example.com/joe/db"})
		if err != nil {
			return err
		}
		fmt.Println(string(answer.RootKeys[0]))
		return nil
	}()
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	select {}
}

func TestPluginDiesWithTheDaemon(t *testing.T) {
	dir := shortDir(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, programPrefix+"auth-good")); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(self)
	daemon.Env = append(os.Environ(), "TEST_HOST_PLUGINS="+dir)
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	plugin, err := strconv.Atoi(strings.TrimSpace(line))
	if readErr != nil || err != nil || !alive(plugin) {
		t.Errorf("the daemon said %q (%v)", line, readErr)
	}
	kill(t, daemon.Process.Pid)
	if err := daemon.Wait(); err == nil {
		t.Error("the daemon ended well")
	}
	if err == nil {
		eventually(t, "the plugin is gone", func() bool { return !alive(plugin) })
	}

	// What it left behind is swept by the next host.
	run := filepath.Join(dir, "run")
	if socketFolders(t, run) != 1 {
		t.Error("the dead daemon left nothing to sweep, so this test shows nothing")
	}
	h, err := New(Config{RuntimeDir: run})
	if err != nil {
		t.Fatal(err)
	}
	if socketFolders(t, run) != 1 {
		t.Error("the dead daemon's folder is still there")
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPluginIgnoresTheTerminalsSignals(t *testing.T) {
	b := newBench(t, nil)
	p := b.start(t, "good", "")
	before := pid(t, p)
	group, err := syscall.Getpgid(before)
	if err != nil || group != before {
		t.Errorf("the plugin is in process group %d (%v), want one of its own", group, err)
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(-group, signal); err != nil {
			t.Fatal(err)
		}
		if pid(t, p) != before {
			t.Errorf("%s ended the plugin", signal)
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
