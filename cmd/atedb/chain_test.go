package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/plugins/storage/file"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/storage"
)

// serving is a daemon that a script started.
type serving struct {
	cmd  *exec.Cmd
	addr string
	done chan struct{} // closed when it has ended
	log  []byte        // of its standard error; valid then
}

// chainCommands are what scripts have to try the chain commands with:
//
//	serve ARG...         start a daemon over ./data on a free port, with these flags before solo
//	halt, crash          end it in an orderly way, or with SIGKILL
//	write CHAIN N [KEY]  write N events through the daemon, sealed with a new key if one is named
//	aged CHAIN N M       put a chain into ./data, as storage-file keeps it, with N
//	                     objects that were each written M times an hour ago
//	lose CHAIN SEQ       drop an event from a chain in ./data, whatever it is
//	flip FILE OFFSET     flip a bit
//	status N ARG...      run atedb and compare its exit status
var chainCommands = map[string]func(*testscript.TestScript, bool, []string){
	"serve":  serve,
	"halt":   func(ts *testscript.TestScript, _ bool, _ []string) { endServing(ts, syscall.SIGTERM) },
	"crash":  func(ts *testscript.TestScript, _ bool, _ []string) { endServing(ts, syscall.SIGKILL) },
	"write":  func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(write(ts, args)) },
	"aged":   func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(aged(ts.MkAbs("data"), args)) },
	"lose":   func(ts *testscript.TestScript, _ bool, args []string) { ts.Check(lose(ts.MkAbs("data"), args)) },
	"flip":   flip,
	"status": status,
}

func serve(ts *testscript.TestScript, _ bool, args []string) {
	program, err := exec.LookPath(filepath.Join(strings.Split(ts.Getenv("PATH"), string(filepath.ListSeparator))[0], "atedb"))
	ts.Check(err)
	args = append([]string{"--no-auth", "--no-wire-encryption", "-l", "127.0.0.1", "-p", "0"}, args...)
	s := &serving{done: make(chan struct{})}
	s.cmd = exec.Command(program, append(args, "solo", ts.MkAbs("data"))...)
	s.cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "ATEDB_RUNTIME_DIR="+ts.Getenv("ATEDB_RUNTIME_DIR"), "ATEDB_PLUGIN_DIRS="+ts.Getenv("ATEDB_PLUGIN_DIRS"))
	stderr, err := s.cmd.StderrPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	addr := make(chan string, 1)
	go func() {
		defer close(s.done)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			var line struct {
				Message string `json:"@message"`
				Listen  string `json:"listen"`
			}
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "serving" && line.Listen != "" {
				addr <- line.Listen
			}
			s.log = append(append(s.log, lines.Bytes()...), '\n')
		}
		_ = s.cmd.Wait() // how it ended shows in the script
	}()
	select {
	case s.addr = <-addr:
	case <-s.done:
		ts.Fatalf("the daemon does not start: %s", s.log)
	}
	*ts.Value("serving").(**serving) = s
	ts.Defer(func() {
		_ = s.cmd.Process.Kill() // if it is still there
		<-s.done
	})
}

func endServing(ts *testscript.TestScript, with syscall.Signal) {
	s := *ts.Value("serving").(**serving)
	ts.Check(s.cmd.Process.Signal(with))
	<-s.done
}

func write(ts *testscript.TestScript, args []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	options := client.Options{Create: true}
	if len(args) > 2 {
		options.Signer = keys.NewSigningKey()
	}
	c, err := client.Dial(ctx, "ws://"+(*ts.Value("serving").(**serving)).addr+"/db/"+args[0], options)
	if err != nil {
		return err
	}
	defer c.Close()
	for i := range n {
		e := client.Event{Header: event.Header{Key: fmt.Appendf(nil, "key-%d", i%10), Type: "text"}, Data: []byte("value " + strconv.Itoa(i))}
		if _, err := c.Submit(ctx, client.Batch{Events: []client.Event{e}}).Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// storeLog is an open chain of a store as what makes a chain wants it.
type storeLog struct {
	storage.Chain
	store *file.Store
}

func (l storeLog) Append(records []byte) error {
	return l.store.Append([]storage.AppendRequest{{Chain: l.Chain, Records: records}})[0]
}

func aged(folder string, args []string) error {
	objects, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	times, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	store, err := file.Open(file.Options{Path: folder})
	if err != nil {
		return err
	}
	ctx, name := context.Background(), chainname.Name(args[0])
	c, err := store.Open(ctx, name, true)
	if err != nil {
		return err
	}
	log, hourAgo := storeLog{c, store}, time.Now().Add(-time.Hour)
	if err := chain.Create(log, event.NewGenesis(name, event.Centralized, nil), hourAgo); err != nil {
		return err
	}
	for round := range times {
		b := event.Batch{First: event.Seq(1 + round*objects), Time: hourAgo.UnixMicro(), Count: objects, Commit: event.CommitID{1: byte(round), 2: byte(round >> 8)}}
		for i := range objects {
			h := event.Header{Key: fmt.Appendf(nil, "key-%d", i), Type: "text"}
			header, err := h.Encode()
			if err != nil {
				return err
			}
			b.Frames = event.AppendFrame(b.Frames, header, []byte("an old value "+strconv.Itoa(round)))
		}
		if err := log.Append(b.AppendRecord(nil)); err != nil {
			return err
		}
	}
	return store.Shutdown(ctx)
}

func lose(folder string, args []string) error {
	seq, err := strconv.ParseUint(args[1], 10, 62)
	if err != nil {
		return err
	}
	store, err := file.Open(file.Options{Path: folder})
	if err != nil {
		return err
	}
	ctx := context.Background()
	c, err := store.Open(ctx, chainname.Name(args[0]), false)
	if err != nil {
		return err
	}
	if _, err := c.Drop(ctx, storage.DropSet{{First: event.Seq(seq), End: event.Seq(seq) + 1}}); err != nil {
		return err
	}
	return store.Shutdown(ctx)
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	at, err := strconv.Atoi(args[1])
	ts.Check(err)
	b[at] ^= 1
	ts.Check(os.WriteFile(path, b, 0o600))
}

func status(ts *testscript.TestScript, _ bool, args []string) {
	got := 0
	if err := ts.Exec("atedb", args[1:]...); err != nil {
		exit, ok := err.(*exec.ExitError)
		if !ok {
			ts.Check(err)
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("atedb %q exits with %d, want %s", args[1:], got, args[0])
	}
}

// TestPrintable tables what would harm a terminal or a column, and is quoted.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"key": "key", "two words": "two words", "größe": "größe", "": `""`, "a\tb": `"a\tb"`, "a\nb": `"a\nb"`,
		"\x1b[2J": `"\x1b[2J"`, "\xff": `"\xff"`, `"q"`: `"\"q\""`, "\u202e": `"\u202e"`, "\x00atedb/genesis": `"\x00atedb/genesis"`,
	} {
		if got := printable(text); got != want {
			t.Errorf("%q is printed as %s, want %s", text, got, want)
		}
	}
}
