package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// scratch is a folder for what several tests share; it goes when all have run.
var scratch string

type tests struct{ *testing.M }

func (m tests) Run() int {
	var err error
	if scratch, err = os.MkdirTemp("", "auth-server-test-"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(scratch)
	return m.M.Run()
}

func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"auth-server": main})
}

// TestScripts runs the command lines in testdata. Beside testscript's own commands
// a script has `plugins`, after which the server finds its storage plugin, `serve`,
// which starts `auth-server run` with some arguments on a free port and waits until
// it serves, and `halt`, which ends it by SIGTERM and has its log as stderr.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else the race detector holds up each exit
			env.Setenv("AUTH_SERVER_RUNTIME_DIR", filepath.Join(scratch, "run"))
			env.Values[running{}] = new(*server)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"plugins": func(ts *testscript.TestScript, _ bool, _ []string) {
				dir, err := programs()
				ts.Check(err)
				ts.Setenv("AUTH_SERVER_PLUGIN_DIR", dir)
			},
			"serve": func(ts *testscript.TestScript, _ bool, args []string) { scriptServe(ts, args) },
			"halt":  func(ts *testscript.TestScript, _ bool, _ []string) { scriptStop(ts) },
		},
	})
}

// running is the key of a script's server.
type running struct{}

func scriptServe(ts *testscript.TestScript, args []string) {
	dir, err := programs()
	ts.Check(err)
	cmd := exec.Command(filepath.Join(dir, "auth-server"), append([]string{"run", "-l", "127.0.0.1", "-p", "0"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "AUTH_SERVER_RUNTIME_DIR", "AUTH_SERVER_PLUGIN_DIR", "AUTH_SERVER_LOGS_PATH", "AUTH_SERVER_KEY_PATH", "AUTH_SERVER_WIRE_ENCRYPTION"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	s, err := start(cmd)
	ts.Check(err)
	ts.Defer(s.kill)
	*ts.Value(running{}).(**server) = s
}

func scriptStop(ts *testscript.TestScript) {
	s := *ts.Value(running{}).(**server)
	ts.Check(s.stop())
	log := ts.MkAbs("log")
	ts.Check(os.WriteFile(log, []byte(s.log()), 0o600))
	ts.Check(ts.Exec("sh", "-c", "cat log >&2"))
}

// programs returns the folder of the server and its plugins, which are built when
// the first test asks for them.
var programs = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "bin")
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), ".", "../atedb-plugin-storage-file", "../atedb-plugin-storage-memory", "../atedb-plugin-compaction-standard")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	return dir, build.Run()
})
