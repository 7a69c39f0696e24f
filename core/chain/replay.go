package chain

import (
	"context"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
)

// replayChunk is how many bytes are read at a time when a chain is opened or
// searched.
const replayChunk = 1 << 20

// replay brings the chain's state from where it stands to the log's end, which
// is at next. Events before that may have been dropped.
func (c *Chain) replay(ctx context.Context, next event.Seq) error {
	header, over := new(eventpb.Header), &bridge{bundles: c.bundles}
	err := c.scan(ctx, c.Next(), next, func(b *event.Batch) error {
		if err := c.cross(ctx, over, b.First); err != nil {
			return err
		}
		if err := c.replayBatch(b, header); err != nil {
			return err
		}
		c.next.Store(uint64(b.Next()))
		c.lastTime, c.stored = b.Time, b.Time
		c.recent.addBatch(b)
		return c.saveLeaves(ctx)
	})
	if err == nil {
		err = c.cross(ctx, over, next)
	}
	c.next.Store(uint64(next))
	return err
}

// saveLeaves stores full bundles of leaf hashes, so that reading a long log
// takes little memory. If it fails it is tried again when there are commits.
func (c *Chain) saveLeaves(ctx context.Context) error {
	if c.upkeep.retryAt > 0 || !c.merkle.Unsaved() {
		return nil
	}
	err := c.merkle.Flush(ctx)
	if err != nil {
		c.saveFailed(c.now().UnixMicro(), err)
	}
	return ctx.Err()
}

func (c *Chain) replayBatch(b *event.Batch, header *eventpb.Header) error {
	seq := b.First
	for f, err := range b.Events() {
		if err == nil {
			err = event.UnmarshalHeader(f.Header, header)
		}
		if err == nil {
			err = c.tree.Apply(seq, header)
		}
		if err != nil {
			return fault.New(fault.Damaged, "event %d of chain %s: %w", seq, c.name, err)
		}
		c.merkle.Append(f.Leaf(c.id))
		seq++
	}
	own := b.Count == 1 && authority.IsOwn(header)
	if c.genesis.Trust == event.Distributed && b.First > 0 && !own {
		seal, err := evidence.ParseSeal(b.Evidence)
		if err != nil {
			return fault.New(fault.Damaged, "the seal of event %d of chain %s: %w", b.First, c.name, err)
		}
		c.writers.Replay(&seal)
	}
	return nil
}

// cross appends the leaf hashes of events that compaction dropped from before
// a seq.
func (c *Chain) cross(ctx context.Context, over *bridge, to event.Seq) error {
	if c.merkle.Size() < uint64(to) {
		c.writers.RaiseFloor(uint64(to))
	}
	for at := c.merkle.Size(); at < uint64(to); at = c.merkle.Size() {
		leaves, err := over.leaves(ctx, at, uint64(to))
		if err != nil {
			code := fault.CodeOf(err)
			if code == fault.NotFound {
				code = fault.Damaged
			}
			return fault.New(code, "the leaf hashes of events %d to %d of chain %s, which compaction dropped: %w", at, to-1, c.name, err)
		}
		c.merkle.Append(leaves...)
		if err := c.saveLeaves(ctx); err != nil {
			return err
		}
	}
	return nil
}

// scan reads the headers of all batches that have events at or after from and
// begin before to. A batch is valid until visit returns.
func (c *Chain) scan(ctx context.Context, from, to event.Seq, visit func(*event.Batch) error) error {
	return scan(from, to, visit, func(dst []byte, from event.Seq) ([]byte, error) {
		return c.log.Read(ctx, dst, from, replayChunk, true)
	})
}

// scan is Chain.scan with some way of reading.
func scan(from, to event.Seq, visit func(*event.Batch) error, read func(dst []byte, from event.Seq) ([]byte, error)) error {
	var records []byte
	for from < to {
		var err error
		records, err = read(records[:0], from)
		if err != nil || len(records) == 0 {
			return err
		}
		for batch, err := range event.Records(records) {
			if err == nil && batch.First < to {
				err = visit(&batch)
			}
			if err != nil {
				return err
			}
			from = batch.Next()
		}
	}
	return nil
}
