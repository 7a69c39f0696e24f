package compactiontest

import (
	"context"
	"iter"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Fake is a strategy that is told how to vote. Its fields are set before the
// first call; the zero value reads all events and is silent.
type Fake struct {
	// Vote, if not nil, is the vote on each event. Like Plan it may be called
	// by several goroutines.
	Vote func(compaction.Chain, compaction.Event) compaction.Vote
	// Enough, if not 0, is the number of events after which a plan stops.
	Enough int
	// OnPlan, if not nil, comes before each plan. It may block, and the error
	// that it returns ends the plan.
	OnPlan func(ctx context.Context, chain compaction.Chain) error
}

// Plan implements compaction.Strategy.
func (f *Fake) Plan(ctx context.Context, chain compaction.Chain, newestFirst iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	if f.OnPlan != nil {
		if err := f.OnPlan(ctx, chain); err != nil {
			return err
		}
	}
	count := 0
	for e, err := range newestFirst {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fault.New(fault.Unavailable, "the plan was given up: %w", err)
		}
		if f.Vote != nil {
			cast(e.Seq, f.Vote(chain, e))
		}
		if count++; count == f.Enough {
			break
		}
	}
	return nil
}
