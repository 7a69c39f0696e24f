package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/atedb/atedb/cmd/ate/internal/archive"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver/authservertest"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ate": func() {
		vaultCost = account.LeastCost
		main()
	}, "authenticator": authenticator})
}

// TestScripts runs testdata/*.txtar, each against an in-memory server of its
// own: $WS and $TCP are URLs of a chain on it, $OTHER of another chain, $GROUP of one of a group. Beside
// testscript's own commands there are
//
//	interrupt            send SIGINT to the background commands
//	commit KEY VALUE     commit an event from beside
//	waitfor FILE TEXT    wait until the file has the text
//	waitlog N            wait until the chain has N records
//	exits STATUS ARG...  run ate and compare its exit status
//	drop-every N         end the connection at each Nth commit after storing it
//	hang-up-after N      go away for good at the Nth commit
//	refuse CODE          refuse every commit
//	field NAME FILE KEY  set NAME to the field after KEY in FILE, whose fields are parted by tabs
//	totp NAME FILE [N]   set NAME to the time-based code of the URL in FILE, N periods from now
//	lie NAME             have the authentication server give a user another key
//
// and $AUTH is the URL of an authentication server of its own, in memory, $PINNED
// the same with its fingerprint.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			s, err := clienttest.Start(clienttest.Options{})
			if err != nil {
				return err
			}
			env.Defer(func() { s.Close() })
			env.Values["server"] = s
			auth, err := authservertest.Start(authservertest.Options{Encryption: 128})
			if err != nil {
				return err
			}
			env.Defer(func() { auth.Close() })
			env.Values["auth"] = auth
			env.Setenv("AUTH", auth.URL())
			env.Setenv("PINNED", auth.PinnedURL())
			env.Setenv("ATE_HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else the race detector holds up each exit
			env.Setenv("WS", s.URL("ws", "example.com/joe/mydb"))
			env.Setenv("TCP", s.URL("tcp", "example.com/joe/mydb"))
			env.Setenv("OTHER", s.URL("tcp", "example.com/joe/other"))
			env.Setenv("GROUP", s.URL("ws", "engineers/plans"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"interrupt":     interrupt,
			"commit":        commit,
			"waitfor":       waitFor,
			"waitlog":       waitLog,
			"exits":         exits,
			"drop-every":    dropEvery,
			"hang-up-after": hangUpAfter,
			"refuse":        refuse,
			"field":         field,
			"totp":          totp,
			"lie":           lie,
		},
	})
}

func server(ts *testscript.TestScript) *clienttest.Server {
	return ts.Value("server").(*clienttest.Server)
}

func interrupt(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(os.Interrupt))
	}
}

func commit(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := client.Dial(ctx, ts.Getenv("TCP"), client.Options{Create: true})
	ts.Check(err)
	defer c.Close()
	_, err = c.Commit(ctx, client.Event{Header: event.Header{Key: []byte(args[0])}, Data: []byte(args[1])})
	ts.Check(err)
}

func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	eventually(ts, args[0]+" to have "+args[1], func() bool {
		b, err := os.ReadFile(ts.MkAbs(args[0]))
		return err == nil && bytes.Contains(b, []byte(args[1]))
	})
}

func waitLog(ts *testscript.TestScript, _ bool, args []string) {
	eventually(ts, "a log of "+args[0], func() bool {
		return len(server(ts).Records("example.com/joe/mydb")) >= number(ts, args[0])
	})
}

func eventually(ts *testscript.TestScript, what string, condition func() bool) {
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("waited in vain for %s", what)
		}
	}
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("ate", args[1:]...)
	if got := exitStatus(err); got != args[0] {
		ts.Fatalf("ate %q exits with %s, want %s", args[1:], got, args[0])
	}
}

func dropEvery(ts *testscript.TestScript, _ bool, args []string) {
	every := number(ts, args[0])
	server(ts).SetFaults(clienttest.Faults{Commit: func(n int) clienttest.Action {
		return clienttest.Action{DropAfter: n%every == 0}
	}})
}

func hangUpAfter(ts *testscript.TestScript, _ bool, args []string) {
	last := number(ts, args[0])
	gone := make(chan struct{})
	server(ts).SetFaults(clienttest.Faults{
		Commit: func(n int) clienttest.Action {
			if n == last {
				close(gone)
			}
			return clienttest.Action{DropBefore: n >= last}
		},
		Open: func(string) error {
			select {
			case <-gone:
				return fault.New(fault.Unavailable, "the storage is gone")
			default:
				return nil
			}
		},
	})
}

func refuse(ts *testscript.TestScript, _ bool, args []string) {
	server(ts).SetFaults(clienttest.Faults{Commit: func(int) clienttest.Action {
		return clienttest.Action{Refuse: fault.New(fault.Code(args[0]), "the server does not want it")}
	}})
}

// TestBrokenPipeEndsQuietly runs a command whose reader has gone.
func TestBrokenPipeEndsQuietly(t *testing.T) {
	t.Setenv("ATE_HOME", t.TempDir())
	signal.Ignore(syscall.SIGPIPE)
	s, err := clienttest.Start(clienttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	url := s.URL("tcp", "example.com/joe/mydb")
	if status := run(t.Context(), []string{"put", url, "k", "v"}, nil, new(discard), new(discard)); status != exitDone {
		t.Fatal("put exits with", status)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	for _, args := range [][]string{{"get", url, "k"}, {"ls", url}, {"log", url}, {"log", "--json", url}, {"export", url}, {"put", url, "k", "v"}} {
		var stderr discard
		if status := run(t.Context(), args, nil, w, &stderr); status != exitDone || stderr.n > 0 {
			t.Errorf("ate %s exits with %d after %d bytes on standard error", args[0], status, stderr.n)
		}
	}
}

// TestAppendFailsWhileItWaitsForLines refuses the first line when no more come.
func TestAppendFailsWhileItWaitsForLines(t *testing.T) {
	t.Setenv("ATE_HOME", t.TempDir())
	s, err := clienttest.Start(clienttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.SetFaults(clienttest.Faults{Commit: func(int) clienttest.Action {
		return clienttest.Action{Refuse: fault.New(fault.DiskFull, "the disk is full")}
	}})
	stdin, lines := io.Pipe()
	defer lines.Close()
	go io.WriteString(lines, "one\n")
	if status := run(t.Context(), []string{"append", s.URL("ws", "example.com/joe/mydb")}, stdin, new(discard), new(discard)); status != exitFailed {
		t.Errorf("append exits with %d, want %d", status, exitFailed)
	}
}

// TestExportPutsParentsFirst exports a parent that is newer than its child.
func TestExportPutsParentsFirst(t *testing.T) {
	t.Setenv("ATE_HOME", t.TempDir())
	s, err := clienttest.Start(clienttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	url := s.URL("tcp", "example.com/joe/mydb")
	c, err := client.Dial(t.Context(), url, client.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	under := func(key, parent string) client.Event {
		return client.Event{Header: event.Header{Key: []byte(key), Parent: event.Parent{Key: []byte(parent), Collection: "c"}}}
	}
	top := client.Event{Header: event.Header{Key: []byte("top")}}
	if _, err := c.Commit(t.Context(), top, under("leaf", "branch"), under("branch", "top"), top, under("leaf2", "top")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if status := run(t.Context(), []string{"export", url}, nil, &out, new(discard)); status != exitDone {
		t.Fatal("export exits with", status)
	}
	in, err := archive.NewReader(&out)
	var keys []string
	for err == nil {
		var e archive.Entry
		if e, err = in.Next(); err == nil {
			header, headerErr := event.DecodeHeader(e.Header)
			if headerErr != nil {
				t.Fatal(headerErr)
			}
			keys = append(keys, string(header.Key))
		}
	}
	if got := strings.Join(keys, " "); got != "top leaf2 branch leaf" || err != io.EOF {
		t.Errorf("exported %s, %v", got, err)
	}
}

// discard counts what is written to it.
type discard struct{ n int }

func (d *discard) Write(b []byte) (int, error) { d.n += len(b); return len(b), nil }
