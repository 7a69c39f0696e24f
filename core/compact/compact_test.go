package compact

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/compaction"
)

// chain grows and, when it is compacted, loses half of what it has.
type chain struct {
	name  chainname.Name
	watch *Watch
	// onCompact, if set, may block, and its error is the compaction's.
	onCompact func(ctx context.Context) error

	mu        sync.Mutex
	state     State
	asked     int // for the state
	compacted []time.Time
}

func (c *chain) Name() chainname.Name { return c.name }

func (c *chain) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return c.state
}

func (c *chain) Compact(ctx context.Context) error {
	c.mu.Lock()
	c.compacted = append(c.compacted, time.Now())
	half := c.state.Bytes / 2
	c.mu.Unlock()
	if c.onCompact != nil {
		if err := c.onCompact(ctx); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Bytes -= half
	c.state.LastBytes, c.state.LastTime, c.state.Changed = half, time.Now(), false
	return nil
}

func (c *chain) grow(bytes int) {
	c.mu.Lock()
	c.state.Bytes += uint64(bytes)
	c.state.Changed = true
	c.mu.Unlock()
	c.watch.Grown(bytes)
	synctest.Wait()
}

// looks returns how often the chain's state was asked for.
func (c *chain) looks() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

func (c *chain) times() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.compacted)
}

const mib = 1 << 20

// with runs a test with a scheduler and one chain.
func with(t *testing.T, trigger compaction.Trigger, state State, test func(*testing.T, *chain)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := New([]compaction.Rules{{}, {Trigger: trigger}}, 1, hclog.NewNullLogger())
		c := &chain{name: "example.com/joe/db", state: state}
		c.watch = s.Watch(c)
		synctest.Wait()
		test(t, c)
		c.watch.Stop()
		s.Close()
	})
}

func (c *chain) want(t *testing.T, times int, when string) {
	t.Helper()
	synctest.Wait()
	if got := c.times(); got != times {
		t.Fatalf("%s: compacted %d times, want %d", when, got, times)
	}
}

func TestNever(t *testing.T) {
	with(t, compaction.Trigger{}, State{}, func(t *testing.T, c *chain) {
		c.grow(1 << 40)
		time.Sleep(1000 * time.Hour)
		c.want(t, 0, "without a trigger")
	})
}

// TestOtherRules has a chain that is watched compacted by what the rules say now: at
// once if that is due, and not any more by what they said before.
func TestOtherRules(t *testing.T) {
	with(t, compaction.Trigger{Timer: time.Hour}, State{}, func(t *testing.T, c *chain) {
		change := func(trigger compaction.Trigger) {
			c.watch.scheduler.SetRules([]compaction.Rules{{Trigger: trigger}})
			c.watch.RulesChanged()
		}
		c.grow(50 * mib)
		change(compaction.Trigger{Size: 60 * mib})
		time.Sleep(2 * time.Hour)
		c.want(t, 0, "by size, after the timer that was")
		c.grow(10 * mib)
		c.want(t, 1, "by size") // and 30 MiB are left
		time.Sleep(pause)
		c.grow(20 * mib)
		change(compaction.Trigger{Size: 20 * mib})
		c.want(t, 2, "by a size that it has already") // and 25 MiB
		change(compaction.Trigger{})
		time.Sleep(pause)
		c.grow(1 << 30)
		c.want(t, 2, "by no rules")
		change(compaction.Trigger{Timer: time.Hour})
		time.Sleep(time.Hour)
		c.want(t, 3, "by a timer again")
	})
}

// TestSameRules does not have a timer begin anew, however often the rules are read
// again.
func TestSameRules(t *testing.T) {
	with(t, compaction.Trigger{Timer: time.Hour}, State{}, func(t *testing.T, c *chain) {
		c.grow(mib)
		for range 3 {
			time.Sleep(20 * time.Minute)
			c.watch.scheduler.SetRules([]compaction.Rules{{}, {Trigger: compaction.Trigger{Timer: time.Hour}}})
			c.watch.RulesChanged()
		}
		c.want(t, 1, "after an hour")
	})
}

// TestRulesThatChangeWhileItIsCompacted has those hold that came last.
func TestRulesThatChangeWhileItIsCompacted(t *testing.T) {
	with(t, compaction.Trigger{Size: mib}, State{}, func(t *testing.T, c *chain) {
		c.onCompact = func(context.Context) error {
			c.watch.scheduler.SetRules([]compaction.Rules{{Trigger: compaction.Trigger{Size: 100 * mib}}})
			c.watch.RulesChanged()
			return nil
		}
		c.grow(mib)
		c.want(t, 1, "by the first rules")
		time.Sleep(pause)
		c.grow(99 * mib)
		c.want(t, 1, "at once by the first rules")
		c.grow(mib)
		c.want(t, 2, "by the second")
	})
}

// TestFactor waits for growth by a share of the size after the last time, and
// for a first time until it is worth it.
func TestFactor(t *testing.T) {
	with(t, compaction.Trigger{Factor: 0.4}, State{}, func(t *testing.T, c *chain) {
		c.grow(mib - 1)
		c.want(t, 0, "before it is worth it")
		c.grow(100*mib - mib + 1)
		c.want(t, 1, "at 100 MiB") // and 50 are left
		time.Sleep(pause)
		c.grow(20*mib - 1)
		c.want(t, 1, "before 40 %")
		c.grow(1)
		c.want(t, 2, "at 40 %")
		time.Sleep(1000 * time.Hour)
		c.want(t, 2, "without a timer")
	})
}

// TestPause leaves a chain alone for a while, however it grows.
func TestPause(t *testing.T) {
	with(t, compaction.Trigger{Size: mib}, State{}, func(t *testing.T, c *chain) {
		for n := 1; n < 4; n++ {
			c.grow(100 * mib)
			c.want(t, n, "when it has grown")
			c.grow(100 * mib)
			c.want(t, n, "right afterwards")
			time.Sleep(pause)
			c.want(t, n+1, "after a while")
			time.Sleep(pause)
			c.compacted = c.compacted[1:]
		}
	})
}

func TestSize(t *testing.T) {
	with(t, compaction.Trigger{Size: 10 * mib}, State{Bytes: 109 * mib, LastBytes: 100 * mib}, func(t *testing.T, c *chain) {
		c.want(t, 0, "9 MiB after the last time")
		c.grow(mib)
		c.want(t, 1, "10 MiB after the last time")
	})
}

func TestModified(t *testing.T) {
	with(t, compaction.Trigger{Modified: true}, State{Bytes: 100 * mib, LastBytes: 100 * mib}, func(t *testing.T, c *chain) {
		c.grow(mib - 1)
		c.want(t, 0, "a change that is not worth it")
		c.grow(1)
		c.want(t, 1, "a change")
	})
}

// TestTimer compacts what has changed, and does not touch what has not.
func TestTimer(t *testing.T) {
	with(t, compaction.Trigger{Timer: time.Hour}, State{}, func(t *testing.T, c *chain) {
		time.Sleep(10*time.Hour + time.Minute)
		c.want(t, 0, "without a change")
		c.grow(1)
		c.want(t, 0, "before the time")
		time.Sleep(time.Hour)
		c.want(t, 1, "after the time")
		time.Sleep(10 * time.Hour)
		c.want(t, 1, "without another change")
	})
}

// TestOpenedAfterItsTime has a chain compacted soon that was closed when it was
// due.
func TestOpenedAfterItsTime(t *testing.T) {
	last := time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC) // a bubble's time begins a day later
	with(t, compaction.Trigger{Timer: time.Hour}, State{Bytes: 2, LastBytes: 1, LastTime: last, Changed: true}, func(t *testing.T, c *chain) {
		c.want(t, 0, "at once")
		time.Sleep(pause)
		c.want(t, 1, "after a while")
	})
}

func TestGrownWhileClosed(t *testing.T) {
	with(t, compaction.Trigger{Factor: 0.4, Timer: time.Hour}, State{Bytes: 100 * mib, LastBytes: 10 * mib}, func(t *testing.T, c *chain) {
		c.want(t, 1, "when it is opened")
	})
}

// TestGrowthMeanwhile counts what is appended during a compaction for the next.
func TestGrowthMeanwhile(t *testing.T) {
	with(t, compaction.Trigger{Size: 10 * mib}, State{}, func(t *testing.T, c *chain) {
		resume := make(chan struct{})
		c.onCompact = func(context.Context) error { <-resume; return nil }
		c.grow(10 * mib)
		c.grow(9 * mib)
		c.want(t, 1, "while it is compacted")
		close(resume)
		time.Sleep(pause)
		c.want(t, 1, "afterwards")
		c.grow(mib)
		c.want(t, 2, "with what came meanwhile")
	})
}

// TestFailure tries again later each time, whatever the chain grows.
func TestFailure(t *testing.T) {
	with(t, compaction.Trigger{Size: 10 * mib}, State{}, func(t *testing.T, c *chain) {
		failure := errors.New("no")
		var mu sync.Mutex
		c.onCompact = func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			return failure
		}
		c.grow(10 * mib)
		c.want(t, 1, "when it is due")
		c.grow(100 * mib)
		c.want(t, 1, "right after a failure")
		time.Sleep(7*time.Minute + time.Second) // 1 + 2 + 4
		c.want(t, 4, "after a while")
		mu.Lock()
		failure = nil
		mu.Unlock()
		time.Sleep(8 * time.Minute)
		c.want(t, 5, "after another while")
		time.Sleep(pause)
		c.grow(10 * mib)
		c.want(t, 6, "after a success")
	})
}

// TestAFewAtOnce compacts no more chains at once than it may, each in its turn.
func TestAFewAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New([]compaction.Rules{{Trigger: compaction.Trigger{Size: mib}}}, 2, hclog.NewNullLogger())
		resume := make(chan struct{})
		var chains []*chain
		for range 5 {
			c := &chain{name: "a/b", onCompact: func(context.Context) error { <-resume; return nil }}
			c.watch = s.Watch(c)
			c.grow(mib)
			chains = append(chains, c)
		}
		for done := 2; done <= 5; done++ {
			running := 0
			for _, c := range chains {
				running += c.times()
			}
			if running != done {
				t.Fatalf("%d compactions have begun, want %d", running, done)
			}
			resume <- struct{}{}
			synctest.Wait()
		}
		close(resume)
		s.Close()
	})
}

// TestCloseEndsCompactions waits for those under way, which are told, and starts
// none that waits.
func TestCloseEndsCompactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New([]compaction.Rules{{Trigger: compaction.Trigger{Size: mib}}}, 1, hclog.NewNullLogger())
		first := &chain{name: "a/b", onCompact: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		second := &chain{name: "a/c"}
		for _, c := range []*chain{first, second} {
			c.watch = s.Watch(c)
			c.grow(mib)
		}
		s.Close()
		second.grow(mib)
		if first.times() != 1 || second.times() != 0 {
			t.Errorf("compacted %d and %d times", first.times(), second.times())
		}
	})
}

// TestOddRules has rules that no sane strategy gives: they cost nothing, and
// compact a chain no more often than any others.
func TestOddRules(t *testing.T) {
	for _, trigger := range []compaction.Trigger{
		{Timer: 1}, {Timer: math.MaxInt64, Size: 1}, {Factor: math.Inf(1), Timer: 1}, {Factor: math.SmallestNonzeroFloat64}, {Factor: math.MaxFloat64, Size: math.MaxUint64, Timer: 1},
	} {
		with(t, trigger, State{Bytes: mib / 2}, func(t *testing.T, c *chain) {
			time.Sleep(time.Hour)
			if asked, limit := c.looks(), int(time.Hour/pause)+3; asked > limit {
				t.Errorf("%+v: the chain was looked at %d times in an hour, want at most %d", trigger, asked, limit)
			}
			for range 100 {
				c.grow(100)
				time.Sleep(time.Second)
			}
			if n := c.times(); n > int(100*time.Second/pause)+1 {
				t.Errorf("%+v: compacted %d times in 100 seconds", trigger, n)
			}
		})
	}
}

// TestRulesOfSeveral takes whichever trigger comes first, of those that are for
// the chain.
func TestRulesOfSeveral(t *testing.T) {
	rules := []compaction.Rules{
		{Trigger: compaction.Trigger{Factor: 1, Timer: time.Hour}},
		{Trigger: compaction.Trigger{Size: 5 * mib, Timer: time.Minute}, Chains: []compaction.ChainTrigger{{Pattern: "a/*", Trigger: compaction.Trigger{}}}},
	}
	for name, want := range map[chainname.Name][3]uint64{ // growth after 2 MiB and 100 MiB, timer
		"a/b": {2 * mib, 100 * mib, uint64(time.Hour)},
		"b/b": {2 * mib, 5 * mib, uint64(time.Minute)},
	} {
		trigger := combine(rules, name)
		if got := [3]uint64{trigger.growth(2 * mib), trigger.growth(100 * mib), uint64(trigger.timer)}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// BenchmarkGrown is what a round costs a chain that is not due.
func BenchmarkGrown(b *testing.B) {
	s := New([]compaction.Rules{{Trigger: compaction.Trigger{Factor: 0.4, Timer: time.Hour}}}, 1, hclog.NewNullLogger())
	defer s.Close()
	c := &chain{name: "a/b", state: State{Bytes: 1 << 60, LastBytes: 1 << 60}}
	w := s.Watch(c)
	defer w.Stop()
	for b.Loop() {
		w.Grown(1024)
	}
}
