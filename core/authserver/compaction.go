package authserver

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/compact"
	"github.com/atedb/atedb/core/grace"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/fault"
)

// compactor compacts the accounts' chain when it is due: every login changes the
// list of a user's tokens.
type compactor struct {
	scheduler *compact.Scheduler
	watch     atomic.Pointer[compact.Watch] // nil before begin
	chain     *chain.Chain
	log       hclog.Logger
	bytes     func() uint64 // of records
	strategy  chain.Strategy
}

// newCompactor returns a compactor that does what a strategy says.
func newCompactor(ctx context.Context, strategy *compaction.Client, log hclog.Logger) (*compactor, error) {
	rules, err := strategy.Rules(ctx)
	if err != nil {
		return nil, err
	}
	return &compactor{
		scheduler: compact.New([]compaction.Rules{rules}, 1, log), log: log,
		strategy: chain.Strategy{Name: strategyName, Strategy: strategy},
	}, nil
}

// strategyName is the compaction plugin that the accounts are compacted with.
const strategyName = "standard"

// begin has the chain compacted from now on.
func (c *compactor) begin(accounts *chain.Chain, bytes func() uint64) {
	c.chain, c.bytes = accounts, bytes
	c.watch.Store(c.scheduler.Watch(c))
}

// grown is told of bytes that became durable. It may be called before begin.
func (c *compactor) grown(bytes int) {
	if watch := c.watch.Load(); watch != nil {
		watch.Grown(bytes)
	}
}

// end ends a compaction under way, for which it waits for some time, and has no
// other begin.
func (c *compactor) end(patience time.Duration) error {
	if watch := c.watch.Load(); watch != nil {
		watch.Stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if !grace.Wait(ctx, c.scheduler.Close) {
		return fault.New(fault.Unavailable, "the compaction of the accounts did not end in time")
	}
	return nil
}

// Name implements compact.Chain.
func (c *compactor) Name() chainname.Name { return c.chain.Name() }

// State implements compact.Chain.
func (c *compactor) State() compact.State {
	last := c.chain.Compactions()
	return compact.State{Bytes: c.bytes(), LastBytes: last.Bytes, LastTime: last.Time, Changed: c.chain.Next() > last.Seen}
}

// Compact implements compact.Chain.
func (c *compactor) Compact(ctx context.Context) error {
	result, err := c.chain.Compact(ctx, chain.Compaction{Strategies: []chain.Strategy{c.strategy}}) // nobody follows the chain who would have to learn what ended
	if err == nil {
		c.log.Info("compacted", "events", result.Examined, "dropped", result.Dropped, "bytes_before", result.Before, "bytes_after", result.After, "took", result.Took.Round(time.Millisecond).String())
	}
	return err
}
