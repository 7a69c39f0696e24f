package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// scratch is a folder for what several scripts share; it goes when all tests
// have run.
var scratch string

type tests struct{ *testing.M }

func (m tests) Run() int {
	var err error
	if scratch, err = os.MkdirTemp("", "atedb-test-"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(scratch)
	return m.M.Run()
}

func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"atedb": main})
}

// TestScripts runs the command lines in testdata. Beside testscript's own
// commands a script has `plugins`, after which the daemon finds this
// repository's plugins, and chainCommands.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else the race detector holds up each exit
			env.Setenv("ATEDB_RUNTIME_DIR", filepath.Join(scratch, "run"))
			env.Setenv("CONFIGS", configsDir(t))
			env.Values["serving"] = new(*serving)
			return nil
		},
		Cmds: withChainCommands(map[string]func(*testscript.TestScript, bool, []string){
			"plugins": func(ts *testscript.TestScript, _ bool, _ []string) {
				dir, err := pluginDir()
				ts.Check(err)
				ts.Setenv("ATEDB_PLUGIN_DIRS", dir)
			},
		}),
	})
}

func withChainCommands(cmds map[string]func(*testscript.TestScript, bool, []string)) map[string]func(*testscript.TestScript, bool, []string) {
	maps.Copy(cmds, chainCommands)
	return cmds
}

func configsDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../configs")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// pluginDir returns the folder of our plugins, which are built when the first
// script asks for them.
var pluginDir = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "plugins")
	mains, err := filepath.Glob("../atedb-plugin-*")
	if err != nil {
		return "", err
	}
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, main := range mains {
		args = append(args, "./"+filepath.ToSlash(main))
	}
	build := exec.Command("go", args...)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	return dir, build.Run()
})
