package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bin is the folder of the programs, built once for all tests.
var bin string

func buildPrograms() (cleanUp func(), err error) {
	dir, err := os.MkdirTemp("", "atedb-e2e-")
	if err != nil {
		return nil, err
	}
	bin = dir
	args := append([]string{"build", "-o", dir + string(filepath.Separator)}, buildFlags...)
	build := exec.Command("go", append(args, "../ate", "../atedb", "../auth-server", "../atedb-plugin-storage-file", "../atedb-plugin-auth-static", "../atedb-plugin-auth-ate",
		"../atedb-plugin-trust-centralized", "../atedb-plugin-trust-distributed", "../atedb-plugin-compaction-standard", "./testdata/hostile")...)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	return func() { os.RemoveAll(dir) }, build.Run()
}

// reporter is the part of a test that a daemon needs; a script has it too.
type reporter interface {
	Helper()
	Log(args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// daemon is a running server: atedb or auth-server.
type daemon struct {
	t           reporter
	program     string
	args        []string
	addr        string // host:port, the same after a restart
	fingerprint string // the server's, as it says in its log
	cmd         *exec.Cmd
	done        chan struct{} // closed when the process has ended and been waited for
	err         error         // what waiting for it gave

	mu  sync.Mutex
	log []string
}

// startDaemon starts atedb in clear text over a folder and waits until it
// serves. Further arguments are flags.
func startDaemon(t testing.TB, data string, flags ...string) *daemon {
	t.Helper()
	return startDaemonWith(t, append([]string{"--no-auth", "--no-wire-encryption", "solo"}, flags...), data)
}

// startDaemonWith starts atedb with a command line over a folder.
func startDaemonWith(t testing.TB, line []string, data string) *daemon {
	t.Helper()
	d := newDaemon(t, line, data)
	d.start("0")
	t.Cleanup(func() {
		if t.Failed() {
			d.printLog()
		}
		d.cmd.Process.Kill()
		<-d.done
	})
	return d
}

// newDaemon returns a daemon to be started.
func newDaemon(t reporter, line []string, data string) *daemon {
	return &daemon{t: t, program: "atedb", args: append(append([]string{"-vv", "-l", "127.0.0.1"}, line...), data)}
}

func (d *daemon) start(port string) {
	d.t.Helper()
	d.cmd = exec.Command(filepath.Join(bin, d.program), append(d.args, "-p", port)...)
	d.cmd.Env = append(os.Environ(), "ATEDB_RUNTIME_DIR="+filepath.Join(bin, "run"), "AUTH_SERVER_RUNTIME_DIR="+filepath.Join(bin, "run-auth"))
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	serving := make(chan servingLine, 1)
	d.done = make(chan struct{})
	go d.follow(stderr, serving, d.cmd, d.done)
	select {
	case line := <-serving:
		d.addr, d.fingerprint = line.Listen, line.Fingerprint
	case <-d.done:
		d.printLog()
		d.t.Fatalf("the daemon does not start: %v", d.err)
	case <-time.After(30 * time.Second):
		d.printLog()
		d.t.Fatal("the daemon does not serve after 30 seconds")
	}
}

// servingLine is the line of the daemon's log that says where it serves.
type servingLine struct {
	Message     string `json:"@message"`
	Listen      string `json:"listen"`
	Fingerprint string `json:"fingerprint"`
}

// follow keeps the daemon's log and notices where it serves and when it ends.
func (d *daemon) follow(stderr io.Reader, serving chan<- servingLine, cmd *exec.Cmd, done chan struct{}) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line servingLine
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "serving" && line.Listen != "" {
			serving <- line
		}
		d.mu.Lock()
		d.log = append(d.log, lines.Text())
		d.mu.Unlock()
	}
	d.err = cmd.Wait()
	close(done)
}

func (d *daemon) printLog() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range d.log[max(0, len(d.log)-80):] {
		d.t.Log(line)
	}
}

// kill ends the daemon with SIGKILL.
func (d *daemon) kill() {
	d.cmd.Process.Kill()
	<-d.done
}

// stop ends the daemon with SIGTERM, and fails the test if it does not stop
// in an orderly way.
func (d *daemon) stop() {
	d.t.Helper()
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(15 * time.Second):
		d.t.Fatal("the daemon does not stop within 15 seconds")
	}
	if d.err != nil {
		d.t.Fatalf("stopping: %v", d.err)
	}
}

// restart starts the daemon again where it was.
func (d *daemon) restart() {
	d.t.Helper()
	_, port, err := net.SplitHostPort(d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.start(port)
}

// plugin returns the process id of a running plugin.
func (d *daemon) plugin(name string) int {
	d.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		for pid, running := range d.plugins() {
			if running == name {
				return pid
			}
		}
	}
	d.t.Fatalf("plugin %s does not run", name)
	return 0
}

// plugins returns the plugins that run, by process id. One whose program was
// replaced since counts too.
func (d *daemon) plugins() map[int]string {
	running := make(map[int]string)
	for _, pid := range children(d.cmd.Process.Pid) {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if name, ok := strings.CutPrefix(filepath.Base(exe), "atedb-plugin-"); err == nil && ok {
			running[pid] = strings.TrimSuffix(name, " (deleted)")
		}
	}
	return running
}

// children returns the processes whose parent is pid.
func children(pid int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// pid (comm) state ppid ...
		_, rest, ok := strings.Cut(string(b), ") ")
		fields := strings.Fields(rest)
		if ok && len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

func (d *daemon) url(name string) string { return "ws://" + d.addr + "/db/" + name }
