package chain

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Limits of a compaction.
const (
	// youngest is how old an event has to be to be dropped: a commit that was
	// stored and not answered is sent again within this time, as a rule, and
	// then has to be found.
	youngest = 10 * time.Second
	// patience is for how long at least a subscription that is behind holds a
	// tombstone that could be dropped otherwise.
	patience = time.Hour
	// maxDrop is how many ranges one Drop of the log is given.
	maxDrop = 250_000
)

// Strategy is a compaction strategy and its name in the config file.
type Strategy struct {
	Name string
	// EndsLive lets it end objects that have a value, in centralized trust, by
	// voting to drop the value.
	EndsLive bool
	compaction.Strategy
}

// Compaction is what a compaction works with.
type Compaction struct {
	Strategies []Strategy
	// TombstoneAge is how old a tombstone has to be to be dropped.
	TombstoneAge time.Duration
	// Passed, unless nil, returns the seq before which all open subscriptions were
	// sent everything. Later tombstones stay for a while longer.
	Passed func() event.Seq
	// Pace, unless nil, is told of bytes of the log that were read, which may be
	// none, and waits as long as what is to be done next has to.
	Pace func(ctx context.Context, bytes int) error
}

// Compacted is what came of a compaction.
type Compacted struct {
	Examined  uint64        // events
	Dropped   uint64        // events
	Young     uint64        // events that will be dropped when they are a little older
	Ended     uint64        // objects that were ended, since a strategy that may do so gave up their values
	Before    uint64        // bytes of records
	After     uint64        // bytes of records
	Took      time.Duration // from its beginning to its end
	Overruled []Overruled
}

// Overruled is how many values that live a strategy wanted dropped which may not
// end objects. What another strategy that may has ended does not count.
type Overruled struct {
	Strategy string
	Values   uint64
}

// Compact drops the events that the strategies' votes give up and that nobody
// needs. Commits and reads go on meanwhile. One compaction of a chain runs at a
// time; another is an overloaded fault. An error leaves what was not dropped
// yet; nothing is, if it comes from a strategy.
//
// Heads, and the seqs of what is left, stay as they were: the leaf hashes of
// what is dropped are kept. Before anything is dropped, the chain says what lives.
func (c *Chain) Compact(ctx context.Context, o Compaction) (Compacted, error) {
	if !c.compacting.TryLock() {
		return Compacted{}, fault.New(fault.Overloaded, "chain %s is being compacted already; wait until that is done", c.name)
	}
	defer c.compacting.Unlock()
	began := c.now()
	end := c.Next()
	// The last event stays: if the log ended with a gap, no seal would build on a
	// head that is beyond it.
	limit := end - 1
	n := newNeeds(c.genesis.Trust, len(o.Strategies), limit, end)
	n.unsaved = event.Seq(c.upkeep.unsaved.Load())
	n.young, n.buried = began.Add(-youngest), began.Add(-o.TombstoneAge)
	n.overdue = n.buried.Add(-max(o.TombstoneAge, patience))
	if o.Passed != nil {
		n.behind = o.Passed()
	}
	result := Compacted{Before: c.log.State().Bytes}
	for i, s := range o.Strategies {
		info := compaction.Chain{Name: c.name, Events: uint64(end), Bytes: result.Before, Now: began}
		cast := func(seq event.Seq, v compaction.Vote) { n.vote(i, seq, v) }
		if err := s.Plan(ctx, info, n.watch(c.newestFirst(ctx, end, o.Pace)), cast); err != nil {
			return result, fault.New(fault.CodeOf(err), "compaction strategy %s: %w", s.Name, err)
		}
	}
	for _, err := range n.watch(c.newestFirst(ctx, n.next, o.Pace)) { // what no strategy wanted to see
		if err != nil {
			return result, err
		}
	}
	n.finish()
	if c.genesis.Trust == event.Centralized {
		ended, err := c.endLive(ctx, n.givenUp(o.Strategies), o.Pace)
		if result.Ended = uint64(len(ended)); err != nil {
			return result, err
		}
		n.end(ended)
	}
	set, young, overruled := n.dropSet()
	for i, values := range overruled {
		mayEnd := o.Strategies[i].EndsLive && c.genesis.Trust == event.Centralized // what stays of that is young, locked or the like
		if values > 0 && !mayEnd {
			result.Overruled = append(result.Overruled, Overruled{o.Strategies[i].Name, values})
		}
	}
	result.Examined, result.Young = n.examined, young
	err := c.drop(ctx, set, n.forgotten, end, &result)
	result.After, result.Took = c.log.State().Bytes, c.now().Sub(began)
	return result, err
}

// drop removes events from before end from the log. What has to be known
// afterwards is stored first: their leaf hashes, what lives, that of a commit
// from before the last of them it is not certain any more whether it is stored,
// and what a reader may miss.
func (c *Chain) drop(ctx context.Context, set storage.DropSet, forgotten, end event.Seq, result *Compacted) error {
	state := c.Compactions()
	if len(set) > 0 {
		state.Dropped = max(state.Dropped, set[len(set)-1].End)
		if err := c.keepLeaves(ctx, uint64(end)); err != nil {
			return err
		}
		if err := c.sayWhatLives(); err != nil {
			return err
		}
		if forgotten > 0 {
			state.Forgotten, state.ForgottenAt = max(state.Forgotten, forgotten), c.Next()
		}
		if err := c.noteCompaction(ctx, state); err != nil {
			return err
		}
	}
	for len(set) > 0 {
		some := set[:min(len(set), maxDrop)]
		dropped, err := c.log.Drop(ctx, some)
		result.Dropped += dropped.Events
		if err != nil {
			return err
		}
		set = set[len(some):]
	}
	state.Bytes, state.Time, state.Seen = c.log.State().Bytes, c.now(), c.Next()
	if rest := result.Young + uint64(c.Next()-end); rest > ownEvents { // it is the next one's, and has to make that due
		state.Bytes -= min(state.Bytes, result.Before/max(result.Examined, 1)*rest)
		state.Seen = end - 1
	}
	return c.noteCompaction(ctx, state)
}
