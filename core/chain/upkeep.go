package chain

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/atedb/atedb/sdk/event"
)

// retryAfter is how long after a failure saving is tried again, in
// microseconds.
const retryAfter = 60_000_000

// upkeep is the saving of a chain's state.
type upkeep struct {
	every   event.Seq          // events before another snapshot is written, or as many as there are live objects
	part    int                // bytes of a snapshot's part
	running sync.WaitGroup     // who saves in the background
	ctx     context.Context    // of what runs there
	giveUp  context.CancelFunc // ends it

	// unsaved is a seq from which on tombstones have to stay: the snapshot that is
	// stored, or about to be, may have the objects that they ended.
	unsaved atomic.Uint64

	busy    atomic.Bool // somebody saves; he has what follows
	saved   saved
	retryAt int64 // by the chain's time, Unix microseconds
}

// saved is the snapshot in side blobs.
type saved struct {
	next       event.Seq // up to where it goes
	generation uint32
	parts      uint32
}

// maintain has the state saved in the background when enough has changed. The
// leader calls it when a round is settled.
func (c *Chain) maintain() {
	u := &c.upkeep
	if !u.busy.CompareAndSwap(false, true) {
		return
	}
	next := c.Next()
	due := next >= u.saved.next+max(u.every, event.Seq(c.tree.Len()))
	if c.lastTime < u.retryAt || !due && !c.merkle.Unsaved() {
		u.busy.Store(false)
		return
	}
	var body []byte
	if due {
		body = c.snapshot(next)
	}
	now := c.lastTime
	u.running.Go(func() {
		defer u.busy.Store(false)
		err := c.merkle.Flush(u.ctx)
		if err == nil && due {
			err = c.save(u.ctx, next, body)
		}
		if err != nil {
			c.saveFailed(now, err)
		}
	})
}

// saveFailed has saving wait for a while.
func (c *Chain) saveFailed(now int64, err error) {
	c.upkeep.retryAt = now + retryAfter
	c.onProblem(fmt.Errorf("saving the state of chain %s: %w", c.name, err))
}

// Close saves what would take long to find out again, for as long as ctx lets
// it. Nobody may commit any more.
func (c *Chain) Close(ctx context.Context) error {
	defer c.upkeep.giveUp()
	defer context.AfterFunc(ctx, c.upkeep.giveUp)()
	c.upkeep.running.Wait()
	next := c.Next()
	if c.failed != nil || next < c.upkeep.saved.next+snapshotClosing {
		return nil
	}
	if err := c.merkle.Flush(ctx); err != nil {
		return err
	}
	return c.save(ctx, next, c.snapshot(next))
}
