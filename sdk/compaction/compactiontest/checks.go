package compactiontest

import (
	"context"
	"iter"
	"maps"
	"math"
	"runtime"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/conform"
)

// The contract wants memory to grow with objects, not with events: what a plan
// over memoryEvents of a few objects may keep is about 5 bytes an event, too
// little for a list of their seqs.
const (
	memoryEvents = 300_000
	memoryLimit  = 1500 << 10
)

// plan is one call of Plan and what came of it.
type plan struct {
	tb       testing.TB
	strategy compaction.Strategy

	mu    sync.Mutex // guards what follows
	over  bool       // Plan has returned
	shown map[event.Seq]bool
	votes map[event.Seq]compaction.Vote // the strongest on each event
}

func newPlan(tb testing.TB, s compaction.Strategy) *plan {
	return &plan{tb: tb, strategy: s, shown: make(map[event.Seq]bool), votes: make(map[event.Seq]compaction.Vote)}
}

// run plans and returns how the plan ended. It fails the test for votes that
// the contract does not allow and for use of the arguments after the end.
func (p *plan) run(ctx context.Context, info compaction.Chain, events iter.Seq2[compaction.Event, error]) error {
	err := p.strategy.Plan(ctx, info, p.watched(events), p.cast)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	return err
}

// runSoon is run for a plan that must end soon.
func (p *plan) runSoon(ctx context.Context, info compaction.Chain, events iter.Seq2[compaction.Event, error]) (err error) {
	p.tb.Helper()
	conform.Soon(p.tb, "Plan", func() { err = p.run(ctx, info, events) })
	return err
}

// watched records which events are shown.
func (p *plan) watched(events iter.Seq2[compaction.Event, error]) iter.Seq2[compaction.Event, error] {
	return func(yield func(compaction.Event, error) bool) {
		for e, err := range events {
			p.mu.Lock()
			if p.over {
				p.tb.Errorf("events were read after Plan had returned")
			}
			p.shown[e.Seq] = true
			p.mu.Unlock()
			if !yield(e, err) {
				return
			}
		}
	}
}

func (p *plan) cast(seq event.Seq, vote compaction.Vote) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over:
		p.tb.Errorf("a vote was cast after Plan had returned")
	case vote > compaction.ForceKeep:
		p.tb.Errorf("the vote %d on event %d is none of the contract's", vote, seq)
	case !p.shown[seq]:
		p.tb.Errorf("a vote was cast on event %d, which was not shown", seq)
	default:
		p.votes[seq] = p.votes[seq].Stronger(vote)
	}
}

// Votes returns a strategy's votes on a chain: the strongest on each event on
// which it is not silent. It fails the test if the plan fails or breaks the
// contract.
func Votes(tb testing.TB, s compaction.Strategy, c Chain) map[event.Seq]compaction.Vote {
	tb.Helper()
	p := newPlan(tb, s)
	if err := p.runSoon(tb.Context(), c.Info(), c.NewestFirst()); err != nil {
		tb.Errorf("Plan failed: %v", err)
	}
	return p.cleared()
}

// cleared returns the votes of a plan that is over, without the silent ones.
func (p *plan) cleared() map[event.Seq]compaction.Vote {
	maps.DeleteFunc(p.votes, func(_ event.Seq, v compaction.Vote) bool { return v == compaction.Silent })
	return p.votes
}

func checkEmptyChain(tb testing.TB, s compaction.Strategy) {
	Votes(tb, s, nil)
}

func checkVotes(tb testing.TB, s compaction.Strategy) {
	Votes(tb, s, mixed(1))
	Votes(tb, s, mixed(10_000))
}

func checkSameVotes(tb testing.TB, s compaction.Strategy) {
	c := mixed(3_000)
	first := Votes(tb, s, c)
	Votes(tb, s, mixed(500)) // another chain changes nothing
	if again := Votes(tb, s, c); !maps.Equal(first, again) {
		tb.Errorf("two plans for the same chain differ: %d votes, then %d", len(first), len(again))
	}
}

func checkConcurrent(tb testing.TB, s compaction.Strategy) {
	var chains []Chain
	var alone []map[event.Seq]compaction.Vote
	for i := range 8 {
		chains = append(chains, mixed(500*(i+1)))
		alone = append(alone, Votes(tb, s, chains[i]))
	}
	var wg sync.WaitGroup
	for i, c := range chains {
		wg.Go(func() {
			p := newPlan(tb, s)
			err := p.run(tb.Context(), c.Info(), c.NewestFirst())
			if got := p.cleared(); err != nil || !maps.Equal(got, alone[i]) {
				tb.Errorf("among others, a plan casts %d votes and ends with %v; alone it casts %d", len(got), err, len(alone[i]))
			}
		})
	}
	conform.Soon(tb, "Plan, called by 8 goroutines,", wg.Wait)
}

// checkReadError wants a plan that meets an error in the events to end with
// it. One that stops before it does not.
func checkReadError(tb testing.TB, s compaction.Strategy) {
	for _, at := range []int{0, 1, 1500} {
		met := false
		c := mixed(3_000)
		events := func(yield func(compaction.Event, error) bool) {
			n := 0
			for e := range c.NewestFirst() {
				if n++; n > at {
					break
				}
				if !yield(e, nil) {
					return
				}
			}
			met = true
			yield(compaction.Event{}, fault.New(fault.Damaged, "the segment is damaged"))
		}
		p := newPlan(tb, s)
		err := p.runSoon(tb.Context(), c.Info(), events)
		if met {
			conform.Fault(tb, "Plan over damaged events", err, fault.Damaged)
		} else if err != nil {
			tb.Errorf("Plan failed: %v", err)
		}
	}
}

func checkContextDone(tb testing.TB, s compaction.Strategy) {
	c := mixed(100)
	p := newPlan(tb, s)
	if err := p.runSoon(conform.Done(), c.Info(), c.NewestFirst()); err != nil {
		conform.Fault(tb, "Plan with a context that is done", err, fault.Unavailable)
	}
}

// checkCancelled cancels plans over events that never end.
func checkCancelled(tb testing.TB, s compaction.Strategy) {
	for _, at := range []int{1, 1024, 10_000} {
		ctx, cancel := context.WithCancel(tb.Context())
		defer cancel()
		p := newPlan(tb, s)
		err := p.runSoon(ctx, mixed(1).Info(), endless(func(n int) bool {
			if n == at {
				cancel()
			}
			return tb.Context().Err() == nil
		}))
		if err != nil {
			conform.Fault(tb, "a plan that is cancelled", err, fault.Unavailable)
		} else if ctx.Err() != nil {
			tb.Errorf("a plan that is cancelled after %d of endless events returned no error", at)
		}
	}
}

// checkMemory measures what a plan keeps at its last event. It is for direct
// calls: the buffers of a connection would hide what the strategy keeps.
func checkMemory(tb testing.TB, s compaction.Strategy) {
	before, after := heap(), uint64(0)
	events := endless(func(n int) bool {
		if n == memoryEvents {
			after = heap()
		}
		return n < memoryEvents
	})
	if err := s.Plan(tb.Context(), mixed(1).Info(), events, func(event.Seq, compaction.Vote) {}); err != nil {
		tb.Errorf("Plan failed: %v", err)
	}
	if after > before+memoryLimit {
		tb.Errorf("after %d events of a few objects Plan keeps %d bytes; want %d at most", memoryEvents, after-before, memoryLimit)
	}
}

// heap returns the bytes in use. It collects until that frees no more: pools
// and finalisers let go only after several rounds.
func heap() uint64 {
	const rounds = 20
	var m runtime.MemStats
	least := uint64(math.MaxUint64)
	for range rounds {
		runtime.GC()
		runtime.ReadMemStats(&m)
		if m.HeapAlloc >= least {
			break
		}
		least = m.HeapAlloc
	}
	return least
}

// endless iterates over events of a few objects, without end unless more says
// so, which is asked with the number of the event to come, from 1.
func endless(more func(n int) bool) iter.Seq2[compaction.Event, error] {
	return func(yield func(compaction.Event, error) bool) {
		few := mixed(64)
		for n := 1; more(n); n++ {
			e := few[n%len(few)]
			e.Seq = event.Seq(1<<40 - n)
			if !yield(e, nil) {
				return
			}
		}
	}
}
