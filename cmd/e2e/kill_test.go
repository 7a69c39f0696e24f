package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
)

func TestMain(m *testing.M) {
	os.Setenv("ATE_HOME", os.DevNull)        // a test that forgets to have a home of its own fails
	os.Setenv("GORACE", "atexit_sleep_ms=0") // else the race detector holds up each exit for a second
	cleanUp, err := buildPrograms()
	if err != nil {
		fmt.Fprintln(os.Stderr, "building the programs:", err)
		os.Exit(1)
	}
	status := m.Run()
	cleanUp()
	os.Exit(status)
}

// writer appends numbered events under keys of its own, and remembers where
// each acknowledged one is.
type writer struct {
	name  string
	acked map[string]event.Seq
	err   error
}

const writers, inFlight = 16, 50

// write appends until stop is closed, then waits for all answers.
func (w *writer) write(ctx context.Context, url string, options client.Options, stop <-chan struct{}, count *atomic.Int64) {
	c, err := client.Dial(ctx, url, options)
	if err != nil {
		w.err = err
		return
	}
	defer c.Close()
	type sent struct {
		key     string
		pending *client.Pending
	}
	var queue []sent
	collect := func() bool {
		s := queue[0]
		queue = queue[1:]
		receipt, err := s.pending.Wait(ctx)
		if err != nil {
			w.err = fmt.Errorf("%s: %w", s.key, err)
			return false
		}
		w.acked[s.key] = receipt.First
		count.Add(1)
		return true
	}
	for i := 0; ; i++ {
		select {
		case <-stop:
			for len(queue) > 0 && collect() {
			}
			return
		default:
		}
		if len(queue) == inFlight && !collect() {
			return
		}
		key := fmt.Sprintf("%s-%06d", w.name, i)
		e := client.Event{Header: event.Header{Key: []byte(key)}, Data: []byte("data of " + key)}
		queue = append(queue, sent{key, c.Submit(ctx, client.Batch{Events: []client.Event{e}})})
	}
}

// load is writers at work on one chain.
type load struct {
	t       *testing.T
	url     string
	writers []*writer
	count   atomic.Int64 // acknowledged events
	stop    chan struct{}
	wg      sync.WaitGroup
}

func startLoad(t *testing.T, ctx context.Context, url string) *load {
	return startLoadWith(t, ctx, url, client.Options{Create: true})
}

func startLoadWith(t *testing.T, ctx context.Context, url string, options client.Options) *load {
	options.Backoff.Max = 200 * time.Millisecond // else most of the test is clients that wait
	l := &load{t: t, url: url, stop: make(chan struct{})}
	for i := range writers {
		w := &writer{name: fmt.Sprintf("w%02d", i), acked: make(map[string]event.Seq)}
		l.writers = append(l.writers, w)
		l.wg.Go(func() { w.write(ctx, url, options, l.stop, &l.count) })
	}
	return l
}

// awaitProgress waits until some more events are acknowledged.
func (l *load) awaitProgress(more int64) {
	l.t.Helper()
	target := l.count.Load() + more
	for deadline := time.Now().Add(60 * time.Second); l.count.Load() < target; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("%d events are acknowledged after a minute; %d were awaited", l.count.Load(), target)
		}
	}
}

// finish stops the writers and checks the log: every acknowledged event is
// there, once, where its acknowledgement said, and each writer's events are in
// order. It returns how many events there are.
func (l *load) finish(ctx context.Context) int {
	l.t.Helper()
	close(l.stop)
	l.wg.Wait()
	found, count := readLog(l.t, ctx, l.url)
	for _, w := range l.writers {
		if w.err != nil {
			l.t.Errorf("a client saw an error: %v", w.err)
		}
		for key, seq := range w.acked {
			if at, ok := found[key]; !ok {
				l.t.Errorf("%s was acknowledged at %d and is lost", key, seq)
			} else if at != seq {
				l.t.Errorf("%s was acknowledged at %d and is at %d", key, seq, at)
			}
		}
	}
	return count
}

// readLog returns where each key is, and fails the test if one is there twice
// or a writer's events are out of order.
func readLog(t *testing.T, ctx context.Context, url string) (found map[string]event.Seq, count int) {
	t.Helper()
	c, err := client.Dial(ctx, url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sub, err := c.Subscribe(client.SubscribeOptions{From: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	found = make(map[string]event.Seq)
	last := make(map[string]string) // newest key of each writer
	for want := event.Seq(1); want < c.Chain().Next; want++ {
		e, err := sub.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		key := string(e.Header.Key)
		if e.Seq != want {
			t.Fatalf("event %d came when %d was due", e.Seq, want)
		}
		if string(e.Data) != "data of "+key {
			t.Errorf("event %d has the data %q", e.Seq, e.Data)
		}
		if at, twice := found[key]; twice {
			t.Errorf("%s is stored twice, at %d and %d", key, at, e.Seq)
		}
		if writer := key[:3]; key <= last[writer] {
			t.Errorf("%s comes after %s", key, last[writer])
		} else {
			last[writer] = key
		}
		found[key] = e.Seq
		count++
	}
	return found, count
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeoutCause(context.Background(), 3*time.Minute, errors.New("the test takes too long"))
	t.Cleanup(cancel)
	return ctx
}

// TestStoragePluginKilledWhileAppending kills the storage plugin again and
// again under load: clients see a pause, and nothing else.
func TestStoragePluginKilledWhileAppending(t *testing.T) {
	ctx := testContext(t)
	d := startDaemon(t, t.TempDir())
	l := startLoad(t, ctx, d.url("example.com/joe/kill"))
	const kills = 6
	for range kills {
		l.awaitProgress(3000)
		if err := syscall.Kill(d.plugin("storage-file"), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	l.awaitProgress(3000)
	if n := l.finish(ctx); n < 3000*kills {
		t.Errorf("only %d events are stored", n)
	}
	d.stop()
}

// TestDaemonKilledWhileAppending kills the daemon again and again under load.
// The clients reconnect by themselves.
func TestDaemonKilledWhileAppending(t *testing.T) {
	ctx := testContext(t)
	d := startDaemon(t, t.TempDir())
	url := d.url("example.com/joe/kill")
	l := startLoad(t, ctx, url)
	const kills = 5
	for range kills {
		l.awaitProgress(3000)
		storage := d.plugin("storage-file")
		d.kill()
		awaitGone(t, storage)
		d.restart()
	}
	l.awaitProgress(3000)
	if n := l.finish(ctx); n < 3000*kills {
		t.Errorf("only %d events are stored", n)
	}
	d.stop()
	d.restart()
	if _, n := readLog(t, ctx, url); int64(n) < l.count.Load() {
		t.Errorf("%d events are there after an orderly stop, %d were acknowledged", n, l.count.Load())
	}
}

// TestKillsWhileSealedCommitsRun kills the daemon, the storage plugin and the
// trust plugin in turn while writers seal their commits. Every acknowledged
// event is there once and in order, and the whole chain verifies.
func TestKillsWhileSealedCommitsRun(t *testing.T) {
	ctx := testContext(t)
	d := startDaemonWith(t, []string{"--trust", "distributed", "solo"}, t.TempDir())
	url := d.url("example.com/joe/sealed")
	l := startLoadWith(t, ctx, url, client.Options{Create: true, Signer: keys.NewSigningKey()})
	const rounds, progress = 2, 400
	for range rounds {
		for _, plugin := range []string{"trust-distributed", "storage-file"} {
			l.awaitProgress(progress)
			if err := syscall.Kill(d.plugin(plugin), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		l.awaitProgress(progress)
		storage := d.plugin("storage-file")
		d.kill()
		awaitGone(t, storage)
		d.restart()
	}
	l.awaitProgress(progress)
	if n := l.finish(ctx); n < 3*rounds*progress {
		t.Errorf("only %d events are stored", n)
	}
	reader := newPerson(t, false)
	if out := reader.must("verify", url); !strings.Contains(out, "all good") {
		t.Error(out)
	}
	d.stop()
	d.restart()
	reader.must("verify", url)
}

// awaitGone waits until a process has ended: plugins die with their daemon.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives on", pid)
		}
	}
}

// TestFollowerSeesEachEventOnce follows a chain while the storage plugin and
// the daemon are killed.
func TestFollowerSeesEachEventOnce(t *testing.T) {
	ctx := testContext(t)
	d := startDaemon(t, t.TempDir())
	url := d.url("example.com/joe/follow")
	l := startLoad(t, ctx, url)
	l.awaitProgress(100)
	c, err := client.Dial(ctx, url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sub, err := c.Subscribe(client.SubscribeOptions{Live: true})
	if err != nil {
		t.Fatal(err)
	}
	var seen atomic.Uint64 // the next seq due
	followed := make(chan error, 1)
	go func() {
		for {
			e, err := sub.Next(ctx)
			if err == nil && uint64(e.Seq) != seen.Load() {
				err = fmt.Errorf("event %d came when %d was due", e.Seq, seen.Load())
			}
			if err != nil {
				followed <- err
				return
			}
			seen.Add(1)
		}
	}()
	for range 3 {
		l.awaitProgress(2000)
		syscall.Kill(d.plugin("storage-file"), syscall.SIGKILL)
		l.awaitProgress(2000)
		d.kill()
		d.restart()
	}
	n := uint64(l.finish(ctx)) + 1 // and the genesis
	for deadline := time.Now().Add(30 * time.Second); seen.Load() < n; time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-followed:
			t.Fatal(err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the follower has %d of %d events", seen.Load(), n)
		}
	}
}
