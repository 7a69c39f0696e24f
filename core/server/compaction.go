package server

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/time/rate"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/compact"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// compactor compacts open chains when they are due.
type compactor struct {
	scheduler  *compact.Scheduler
	strategies *replaceable[strategies]
	tombstones time.Duration // how old they have to be
	io         *rate.Limiter // bytes read, of all compactions together
	log        hclog.Logger
}

func newCompactor(votes strategies, limits config.Limits, log hclog.Logger) *compactor {
	perSecond := limits.CompactionMiBPerSecond << 20
	return &compactor{
		scheduler:  compact.New(votes.rules, limits.MaxCompactions, log),
		strategies: newReplaceable(votes), tombstones: limits.TombstoneTime,
		io: rate.NewLimiter(rate.Limit(perSecond), perSecond), log: log,
	}
}

// pace waits until so many bytes may be read.
func (c *compactor) pace(ctx context.Context, bytes int) error {
	for bytes > 0 {
		some := min(bytes, c.io.Burst())
		if err := c.io.WaitN(ctx, some); err != nil {
			return err
		}
		bytes -= some
	}
	return nil
}

// giveWay returns a pace that also gives way to commits, for one compaction or
// erasure, which begins.
func (c *compactor) giveWay(pace func(ctx context.Context, bytes int) error) func(ctx context.Context, bytes int) error {
	courtesy := c.scheduler.Courtesy()
	return func(ctx context.Context, bytes int) error {
		if bytes > 0 {
			if err := pace(ctx, bytes); err != nil {
				return err
			}
		}
		return courtesy.GiveWay(ctx)
	}
}

// compact compacts a chain, which must not be closed meanwhile, until that fails:
// it is not opened anew before. pace is told of bytes that were read, and waits as
// long as the next ones have to.
func (c *compactor) compact(ctx context.Context, open *openChain, pace func(ctx context.Context, bytes int) error) (chain.Compacted, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(open.ctx, func() { cancel(context.Cause(open.ctx)) })()
	target := open.chain
	open.compactions.Add(1)
	open.compacting.Add(1)
	defer open.compacting.Add(-1)
	log := c.log.With("chain", target.Name())
	log.Debug("compaction begins", "events", target.Next())
	votes, done := c.strategies.use()
	defer done()
	result, err := target.Compact(ctx, chain.Compaction{Strategies: votes.list, TombstoneAge: c.tombstones, Passed: open.feed.Passed, Pace: c.giveWay(pace)})
	for _, o := range result.Overruled {
		log.Warn("a compaction strategy wanted values dropped that live; they are kept", "strategy", o.Strategy, "values", o.Values)
	}
	if err != nil && open.ctx.Err() != nil {
		err = fault.New(fault.Unavailable, "the compaction was given up, since the chain failed: %w", context.Cause(open.ctx))
	}
	if err != nil {
		return result, err
	}
	log.Info("compacted", "events", result.Examined, "dropped", result.Dropped, "ended", result.Ended, "bytes_before", result.Before, "bytes_after", result.After, "took", result.Took.Round(time.Millisecond).String())
	return result, nil
}

// watched is an open chain as the scheduler sees it.
type watched struct {
	registry  *registry
	compactor *compactor
	open      *openChain
}

// Name implements compact.Chain.
func (w watched) Name() chainname.Name { return w.open.name }

// State implements compact.Chain.
func (w watched) State() compact.State {
	last := w.open.chain.Compactions()
	return compact.State{Bytes: w.open.log.State().Bytes, LastBytes: last.Bytes, LastTime: last.Time, Changed: w.open.chain.Next() > last.Seen}
}

// Compact implements compact.Chain. A chain that is being closed is left alone.
func (w watched) Compact(ctx context.Context) error {
	if !w.registry.retain(w.open) {
		return nil
	}
	defer w.registry.release(w.open)
	_, err := w.compactor.compact(ctx, w.open, w.compactor.pace)
	return err
}
