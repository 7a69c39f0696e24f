package plugin

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
)

// runAs tells this program, started by a test, what to be.
const runAs = "TEST_RUN_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(runAs) {
	case "plugin":
		Serve(Plugin{Name: "mine", Auth: &resolver{}})
	case "printer":
		runPrinter()
	case "host":
		runHost()
	default:
		os.Exit(m.Run())
	}
}

// as returns a command that runs this program as something else.
func as(t *testing.T, what string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), runAs+"="+what), env...)
	return cmd
}

func TestStartedByHandItSaysWhatItIs(t *testing.T) {
	for _, cookie := range []string{"", Handshake.MagicCookieKey + "=wrong"} {
		out, err := as(t, "plugin", cookie).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !bytes.Contains(out, []byte("is a plugin of atedb")) {
			t.Errorf("it said %q and ended with %v", out, err)
		}
	}
}

// runPrinter prints everywhere, with the handshake in between.
func runPrinter() {
	early := os.Stdout
	if err := guardStdout(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("stray 1")
	fmt.Fprintln(early, "stray 2")
	// The descriptor itself, as C code would.
	if _, err := syscall.Write(1, []byte("stray 3\n")); err != nil {
		os.Exit(1)
	}
	fmt.Println("1|1|unix|/a|grpc|")
	fmt.Println("1|1|unix|/b|grpc|")
	fmt.Println("the end")
	select {}
}

func TestOnlyTheHandshakeReachesStandardOutput(t *testing.T) {
	cmd := as(t, "printer")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var rest []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if rest = append(rest, lines.Text()); lines.Text() == "the end" {
			break
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(stdout)
	if err != nil || string(out) != "1|1|unix|/a|grpc|\n" {
		t.Errorf("standard output has %q, %v", out, err)
	}
	for _, want := range []string{"stray 1", "stray 2", "stray 3", "1|1|unix|/b|grpc|"} {
		if !strings.Contains(strings.Join(rest, "\n"), want) {
			t.Errorf("standard error lacks %q: %q", want, rest)
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the killed process ended well")
	}
}

// runHost starts the plugin as a plain child, without the kernel's help at its
// parent's death, and prints its process id.
func runHost() {
	self, err := os.Executable()
	if err != nil {
		fmt.Println(err)
		return
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), runAs+"=plugin")
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: Handshake, Plugins: HostPlugins(), Cmd: cmd, SkipHostEnv: true,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(),
	})
	if _, err := client.Client(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.ID())
	select {}
}

func TestPluginEndsWithItsParent(t *testing.T) {
	host := as(t, "host")
	stdout, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(stdout).ReadString('\n')
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || readErr != nil || !runs(pid) {
		t.Errorf("the host said %q (%v)", line, readErr)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := host.Wait(); err == nil {
		t.Error("the killed host ended well")
	}
	for deadline := time.Now().Add(20 * parentCheck); pid != 0 && runs(pid); time.Sleep(parentCheck / 20) {
		if time.Now().After(deadline) {
			t.Fatal("the plugin outlives its host")
		}
	}
}

// runs reports whether a process runs; one that nobody has reaped does not.
func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := bytes.Cut(stat, []byte(") "))
	return err == nil && len(after) > 0 && after[0] != 'Z'
}

func TestBuildVersion(t *testing.T) {
	if v := BuildVersion(); v == "" || len(v) > maxInfoText {
		t.Errorf("version is %q", v)
	}
	version = "1.2.3"
	defer func() { version = "" }()
	if v := BuildVersion(); v != "1.2.3" {
		t.Errorf("version is %q, want the linker's", v)
	}
}
