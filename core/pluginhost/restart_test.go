package pluginhost

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

func TestKilledTenTimesUnderCalls(t *testing.T) {
	b := newBench(t, nil)
	p := b.start(t, "good", "")
	resolver := p.Auth()
	files := openFiles(t)
	stop := make(chan struct{})
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := resolver.Resolve(t.Context(), auth.Query{Chain: "example.com/joe/db"}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 10 {
		before := pid(t, p)
		kill(t, before)
		eventually(t, "another process", func() bool { return pid(t, p) != before })
	}
	close(stop)
	calls.Wait()
	if _, generation, err := p.Conn(); err != nil || generation != 11 {
		t.Errorf("generation %d (%v), want 11", generation, err)
	}
	eventually(t, "all files of dead processes are closed", func() bool { return openFiles(t) <= files })
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestKilledInTheMiddleOfACall(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Timing.Call = time.Second })
	p := b.start(t, "good", "")
	before := pid(t, p)
	done := make(chan error)
	go func() {
		_, err := p.Auth().Resolve(t.Context(), auth.Query{Chain: "example.com/joe/stuck"})
		done <- err
	}()
	kill(t, before)
	wantFault(t, <-done, fault.Unavailable, "did not answer in time")
	if pid(t, p) == before {
		t.Error("the dead process answered")
	}
}

func TestReadyWaitsForANewerGeneration(t *testing.T) {
	b := newBench(t, nil)
	p := b.start(t, "good", "")
	_, first, err := p.Conn()
	if err != nil || first != 1 {
		t.Fatalf("generation %d, %v", first, err)
	}
	if err := p.Ready(t.Context(), 0); err != nil {
		t.Error(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	wantFault(t, p.Ready(soon, first), fault.Unavailable, "did not come back in time")
	p.Broken(first, errors.New("a test could not reach it"))
	if _, _, err := p.Conn(); err == nil {
		t.Error("the broken process still serves")
	}
	if err := p.Ready(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	_, second, err := p.Conn()
	if err != nil || second != 2 {
		t.Fatalf("generation %d, %v", second, err)
	}
	serves := pid(t, p)
	p.Broken(first, errors.New("an old story"))
	if pid(t, p) != serves {
		t.Error("a report on an old process ended the new one")
	}
}

func TestAPluginsOwnUnavailableIsNoReasonToKillIt(t *testing.T) {
	b := newBench(t, nil)
	p := b.start(t, "good", "")
	_, err := p.Auth().Resolve(t.Context(), auth.Query{Chain: "example.com/joe/away"})
	wantFault(t, err, fault.Unavailable, "the directory is away")
	if _, generation, err := p.Conn(); err != nil || generation != 1 {
		t.Errorf("generation %d, %v", generation, err)
	}
}

func TestASlowAnswerIsNoReasonToKillTheProcess(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Timing.Call = 50 * time.Millisecond })
	p := b.start(t, "good", "")
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			_, err := p.Auth().Resolve(t.Context(), auth.Query{Chain: "example.com/joe/stuck"})
			wantFault(t, err, fault.Unavailable, `"good" did not answer in time`)
		})
	}
	calls.Wait()
	if _, generation, err := p.Conn(); err != nil || generation != 1 {
		t.Errorf("generation %d, %v", generation, err)
	}
}

func TestFrozenProcessIsReplaced(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Timing.HealthWait = 100 * time.Millisecond })
	p := b.start(t, "good", "")
	before := pid(t, p)
	if err := syscall.Kill(before, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := p.Ready(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if alive(before) || !b.log.has("did not answer 2 health checks") {
		t.Error("the frozen process was not killed for not answering")
	}
}

func TestWhatAPluginSaysOfItsHealthIsLogged(t *testing.T) {
	b := newBench(t, nil)
	fever := filepath.Join(t.TempDir(), "fever")
	if err := os.WriteFile(fever, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p := b.start(t, "good", `{"sick_while": "`+fever+`"}`)
	eventually(t, "the problem is logged", func() bool { return b.log.has("the plugin is unwell: problem=\"a fever\"") })
	if err := os.Remove(fever); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the recovery is logged", func() bool { return b.log.has("the plugin is well again") })
	if _, generation, err := p.Conn(); err != nil || generation != 1 {
		t.Errorf("generation %d, %v: a plugin was killed for being honest", generation, err)
	}
}

func TestPanicEndsTheProcessAndIsLogged(t *testing.T) {
	b := newBench(t, nil)
	p := b.start(t, "good", "")
	_, err := p.Auth().Resolve(t.Context(), auth.Query{Chain: "example.com/joe/panic"})
	wantFault(t, err, fault.Unavailable, "died 3 times")
	if err := p.Ready(t.Context(), maxAttempts); err != nil {
		t.Errorf("a call that kills its process ended the plugin: %v", err)
	}
	if !b.log.has("[ERROR] auth-good: panic: the resolver met an impossible owner") || !b.log.has("goroutine ") {
		t.Error("the panic is not in the log")
	}
}

func TestPlanThatIsInterruptedFails(t *testing.T) {
	b := newBench(t, nil)
	p := b.start(t, "good", "")
	chain := compaction.Chain{Name: "example.com/joe/db", Now: time.Now()}
	killer := func(yield func(compaction.Event, error) bool) {
		kill(t, pid(t, p))
		for seq := event.Seq(1 << 40); yield(compaction.Event{Seq: seq, Header: event.Header{Key: []byte("k")}}, nil); seq-- {
		}
	}
	err := p.Compaction().Plan(t.Context(), chain, killer, func(event.Seq, compaction.Vote) {})
	wantFault(t, err, fault.Unavailable)
	if err := p.Ready(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	votes := 0
	three := func(yield func(compaction.Event, error) bool) {
		for seq := event.Seq(3); seq > 0 && yield(compaction.Event{Seq: seq, Header: event.Header{Key: []byte("k")}}, nil); seq-- {
		}
	}
	if err := p.Compaction().Plan(t.Context(), chain, three, func(event.Seq, compaction.Vote) { votes++ }); err != nil || votes != 3 {
		t.Errorf("%d votes, %v", votes, err)
	}
}

func TestBreakerOpensAndCloses(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Timing.Cooldown = 300 * time.Millisecond })
	obstacle := filepath.Join(t.TempDir(), "obstacle")
	p := b.start(t, "good", `{"exit_while": "`+obstacle+`"}`)
	if err := os.WriteFile(obstacle, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kill(t, pid(t, p))
	eventually(t, "the plugin has failed", func() bool {
		return fault.Is(p.Ready(t.Context(), 1), fault.Unavailable) && b.log.has("failed too often")
	})
	wantFault(t, p.Ready(t.Context(), 0), fault.Unavailable, "has failed too often", "exit status 4")
	_, err := p.Auth().Resolve(t.Context(), auth.Query{Chain: "example.com/joe/db"})
	wantFault(t, err, fault.Unavailable, "has failed too often")
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it serves again", func() bool { return p.Ready(t.Context(), 1) == nil })
	pid(t, p)
}

func TestCloseFinishesAndLeavesNothing(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	b := newBench(t, nil)
	marker := filepath.Join(t.TempDir(), "marker")
	good := b.start(t, "good", `{"marker": "`+marker+`"}`)
	frozen := b.start(t, "chatty", "")
	pids := []int{pid(t, good), pid(t, frozen)}
	kill(t, pids[0])
	pids = append(pids, pid(t, good))
	if err := syscall.Kill(pids[1], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := b.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(marker); err != nil {
		t.Error("the plugin was not asked to finish:", err)
	}
	for _, pid := range pids {
		if _, err := os.Stat(filepath.Join("/proc", itoa(pid))); err == nil {
			t.Errorf("process %d is still there", pid)
		}
	}
	if left := socketFolders(t, b.runtime); left != 0 {
		t.Errorf("%d runtime folders are left", left)
	}
	_, _, err := good.Conn()
	wantFault(t, err, fault.ShuttingDown)
	wantFault(t, good.Ready(t.Context(), 0), fault.ShuttingDown)
	_, err = b.Start(t.Context(), Spec{Kind: "auth", Name: "good"})
	wantFault(t, err, fault.ShuttingDown)
	eventually(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines })
}

func TestCloseWhileRestarting(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Timing.Cooldown = time.Hour; c.Timing.Retry = time.Hour })
	obstacle := filepath.Join(t.TempDir(), "obstacle")
	p := b.start(t, "good", `{"exit_while": "`+obstacle+`"}`)
	if err := os.WriteFile(obstacle, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kill(t, pid(t, p))
	eventually(t, "a failed restart", func() bool { return b.log.has("could not be restarted") })
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
