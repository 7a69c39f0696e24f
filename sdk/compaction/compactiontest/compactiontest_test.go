package compactiontest

import (
	"context"
	"errors"
	"iter"
	"maps"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/conform"
)

// everyVote casts each of the five votes in turn.
func everyVote(_ compaction.Chain, e compaction.Event) compaction.Vote {
	return compaction.Vote(e.Seq % 5)
}

func TestFakeKeepsTheContract(t *testing.T) {
	for name, f := range map[string]*Fake{
		"votes": {Vote: everyVote}, "stops early": {Vote: everyVote, Enough: 1500},
	} {
		t.Run(name, func(t *testing.T) { Run(t, func(testing.TB) compaction.Strategy { return f }) })
	}
}

func TestVotes(t *testing.T) {
	c := Chain{}.Add("a", false).Add("b", false).Add("a", true)
	f := &Fake{Enough: 2, Vote: func(info compaction.Chain, e compaction.Event) compaction.Vote {
		if info.Events != 3 || info.Now.Before(e.Time) {
			t.Errorf("the chain is %+v", info)
		}
		if e.Header.Tombstone {
			return compaction.Keep
		}
		return compaction.Drop
	}}
	want := map[event.Seq]compaction.Vote{2: compaction.Keep, 1: compaction.Drop}
	for _, s := range []compaction.Strategy{f, ThroughGRPC(t, f)} {
		if got := Votes(t, s, c); !maps.Equal(got, want) {
			t.Errorf("the votes are %v; want %v", got, want)
		}
	}
}

type planFunc func(ctx context.Context, chain compaction.Chain, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error

func (f planFunc) Plan(ctx context.Context, chain compaction.Chain, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	return f(ctx, chain, events, cast)
}

// failing is a strategy that reads all and returns the error.
func failing(err error) compaction.Strategy {
	return planFunc(func(_ context.Context, _ compaction.Chain, events iter.Seq2[compaction.Event, error], _ func(event.Seq, compaction.Vote)) error {
		for _, readErr := range events {
			if readErr != nil {
				return readErr
			}
		}
		return err
	})
}

// deaf returns a strategy that hears neither its context nor errors. The test
// ends when its plans have.
func deaf(t *testing.T) compaction.Strategy {
	var plans sync.WaitGroup
	t.Cleanup(plans.Wait)
	return planFunc(func(_ context.Context, _ compaction.Chain, events iter.Seq2[compaction.Event, error], _ func(event.Seq, compaction.Vote)) error {
		plans.Add(1)
		defer plans.Done()
		for range events {
		}
		return nil
	})
}

// forgetful is a strategy whose votes depend on the plans before.
func forgetful() compaction.Strategy {
	var mu sync.Mutex
	calls := compaction.Vote(0)
	return &Fake{Vote: func(compaction.Chain, compaction.Event) compaction.Vote {
		mu.Lock()
		defer mu.Unlock()
		calls++
		return calls / 64 % 2
	}}
}

// hoarder is a strategy that keeps what it is shown.
func hoarder() compaction.Strategy {
	var mu sync.Mutex
	var kept []event.Seq
	return &Fake{Vote: func(_ compaction.Chain, e compaction.Event) compaction.Vote {
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, e.Seq)
		return compaction.Silent
	}}
}

// TestBrokenStrategiesAreCaught breaks each promise in turn and wants the check
// named beside it to notice.
func TestBrokenStrategiesAreCaught(t *testing.T) {
	blind := planFunc(func(_ context.Context, _ compaction.Chain, _ iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
		cast(0, compaction.Drop)
		return nil
	})
	is := func(s compaction.Strategy) func(*testing.T) compaction.Strategy {
		return func(*testing.T) compaction.Strategy { return s }
	}
	tests := []struct {
		what, check string
		strategy    func(*testing.T) compaction.Strategy
	}{
		{"fails", "EmptyChain", is(failing(fault.New(fault.Internal, "no")))},
		{"votes on what it was not shown", "EmptyChain", is(blind)},
		{"votes on what it was not shown", "Votes", is(blind)},
		{"casts an unknown vote", "Votes", is(&Fake{Vote: func(compaction.Chain, compaction.Event) compaction.Vote { return 5 }})},
		{"depends on other plans", "SameVotes", is(forgetful())},
		{"depends on other plans", "Concurrent", is(forgetful())},
		{"ignores errors", "ReadError", deaf},
		{"hides errors", "ReadError", is(&hiding{})},
		{"an error without a code", "ContextDone", is(failing(errors.New("no")))},
		{"ignores its context", "Cancelled", deaf},
	}
	for _, test := range tests {
		t.Run(test.check+"/"+test.what, func(t *testing.T) {
			if len(complaints(t, test.check, test.strategy(t))) == 0 {
				t.Error("the check does not notice")
			}
		})
	}
}

func TestHoarderIsCaught(t *testing.T) {
	if got := conform.Complaints(t, func(tb testing.TB) { checkMemory(tb, hoarder()) }); len(got) != 1 {
		t.Errorf("a strategy that keeps every seq causes %d complaints: %v", len(got), got)
	}
}

// hiding is a strategy that reports an error in the events as its own.
type hiding struct{ Fake }

func (h *hiding) Plan(ctx context.Context, chain compaction.Chain, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	if err := h.Fake.Plan(ctx, chain, events, cast); err != nil {
		return errors.New("planning failed")
	}
	return nil
}

// TestLateUseIsCaught uses a plan's arguments after its end.
func TestLateUseIsCaught(t *testing.T) {
	for what, use := range map[string]func(iter.Seq2[compaction.Event, error], func(event.Seq, compaction.Vote)){
		"casts": func(_ iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) {
			cast(0, compaction.Keep)
		},
		"reads": func(events iter.Seq2[compaction.Event, error], _ func(event.Seq, compaction.Vote)) {
			for range events {
				break
			}
		},
	} {
		got := conform.Complaints(t, func(tb testing.TB) {
			var later func()
			s := planFunc(func(_ context.Context, _ compaction.Chain, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
				for range events {
					break
				}
				later = func() { use(events, cast) }
				return nil
			})
			Votes(tb, s, mixed(1))
			later()
		})
		if len(got) != 1 {
			t.Errorf("what %s late causes %d complaints: %v", what, len(got), got)
		}
	}
}

func complaints(t *testing.T, name string, s compaction.Strategy) []string {
	for _, c := range checks {
		if c.name == name {
			return conform.Complaints(t, func(tb testing.TB) { c.run(tb, s) })
		}
	}
	t.Fatalf("there is no check %s", name)
	return nil
}
