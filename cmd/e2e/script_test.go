package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/atedb/atedb/core/certificate/certificatetest"
)

// TestScripts runs testdata/*.txtar with the real programs. A script has a
// daemon of its own, and people who each have a home of their own: $ATE_HOME is
// that of joe until `as` changes it. Beside testscript's own commands there are
//
//	daemon ARG...        start atedb with these flags over ./data, again on the
//	                     same port if it ran before; sets $URL to its ws://
//	                     URL, $ADDR to host:port and $FP to its fingerprint
//	halt [auth]          stop it, or the authentication server, in an orderly way
//	auth ARG...          start auth-server run with these flags over ./auth, as
//	                     daemon does; sets $AUTH to its URL and $AUTHFP to its
//	                     fingerprint
//	as NAME              be somebody else from now on
//	exits STATUS ARG...  run ate and compare its exit status
//	capture NAME         set a variable to what the last command printed, or with
//	                     a second argument to the field after that one
//	flip FILE WHERE      flip one bit of a file: at an offset, at one from the
//	                     end (-N), or in the first place where it has the text
//	hides FILE TEXT      fail if the file, or one in the folder, has the text
//	certificate          write a certificate for 127.0.0.1 to cert.pem and key.pem
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("ATE_HOME", filepath.Join(env.WorkDir, "joe"))
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Values["daemon"], env.Values["auth"] = new(daemon), new(daemon)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"daemon":      scriptDaemon,
			"auth":        scriptAuth,
			"halt":        scriptStop,
			"as":          func(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv("ATE_HOME", ts.MkAbs(args[0])) },
			"exits":       exits,
			"capture":     capture,
			"flip":        flip,
			"hides":       hides,
			"certificate": func(ts *testscript.TestScript, _ bool, _ []string) { ts.Check(certificatetest.Write(ts.MkAbs("."))) },
		},
	})
}

func daemonOf(ts *testscript.TestScript) *daemon { return ts.Value("daemon").(*daemon) }

// scriptReporter has a daemon report to a script.
type scriptReporter struct{ *testscript.TestScript }

func (r scriptReporter) Helper()         {}
func (r scriptReporter) Log(args ...any) { r.Logf("%s", fmt.Sprint(args...)) }
func (r scriptReporter) Fatal(args ...any) {
	r.TestScript.Fatalf("%s", fmt.Sprint(args...))
}

func scriptDaemon(ts *testscript.TestScript, _ bool, args []string) {
	d := daemonOf(ts)
	startAgain(ts, d, newDaemon(scriptReporter{ts}, args, ts.MkAbs("data")))
	ts.Setenv("ADDR", d.addr)
	ts.Setenv("FP", d.fingerprint)
	ts.Setenv("URL", "ws://"+d.addr+"/db")
}

func scriptAuth(ts *testscript.TestScript, _ bool, args []string) {
	d := ts.Value("auth").(*daemon)
	line := append([]string{"run", "-vv", "-l", "127.0.0.1"}, args...)
	startAgain(ts, d, &daemon{t: scriptReporter{ts}, program: "auth-server", args: append(line, ts.MkAbs("auth"), ts.MkAbs("authkey"))})
	ts.Setenv("AUTHFP", d.fingerprint)
	ts.Setenv("AUTH", "ws://"+d.addr+"/auth")
}

// startAgain starts d as fresh would be, on the same port if it ran before.
func startAgain(ts *testscript.TestScript, d, fresh *daemon) {
	port := "0"
	if d.addr != "" {
		_, before, err := net.SplitHostPort(d.addr)
		ts.Check(err)
		port = before
	} else {
		ts.Defer(func() {
			d.cmd.Process.Kill()
			<-d.done
		})
	}
	d.t, d.program, d.args = fresh.t, fresh.program, fresh.args
	d.start(port)
}

func scriptStop(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) > 0 {
		ts.Value("auth").(*daemon).stop()
		return
	}
	daemonOf(ts).stop()
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	status := 0
	var exit *exec.ExitError
	if err := ts.Exec("ate", args[1:]...); errors.As(err, &exit) {
		status = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("ate %q exits with %d, want %s", args[1:], status, args[0])
	}
}

func capture(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.TrimSpace(ts.ReadFile("stdout"))
	if len(args) > 1 {
		_, after, found := strings.Cut(text, args[1])
		fields := strings.Fields(after)
		if !found || len(fields) == 0 {
			ts.Fatalf("nothing comes after %q", args[1])
		}
		text = fields[0]
	}
	ts.Setenv(args[0], text)
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	switch {
	case err != nil:
		at = bytes.Index(b, []byte(args[1]))
	case at < 0:
		at += len(b)
	}
	if at < 0 || at >= len(b) {
		ts.Fatalf("%s, of %d bytes, has no place %s", args[0], len(b), args[1])
	}
	b[at] ^= 1
	ts.Check(os.WriteFile(path, b, 0o600))
}

func hides(ts *testscript.TestScript, neg bool, args []string) {
	found := filesWith(ts.MkAbs(args[0]), []byte(args[1]))
	switch {
	case !neg && len(found) > 0:
		ts.Fatalf("%q is in %v", args[1], found)
	case neg && len(found) == 0:
		ts.Fatalf("%q is nowhere in %s", args[1], args[0])
	}
}

// filesWith returns the files in a folder that contain some bytes.
func filesWith(folder string, text []byte) (found []string) {
	filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err != nil || !info.Mode().IsRegular() {
			return nil
		}
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, text) {
			found = append(found, path)
		}
		return nil
	})
	return found
}
