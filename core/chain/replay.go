package chain

import (
	"context"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
)

// replayChunk is how many bytes are read at a time when a chain is opened or
// searched.
const replayChunk = 1 << 20

// replay brings the chain's state from where it stands to the log's end.
func (c *Chain) replay(ctx context.Context) error {
	header := new(eventpb.Header)
	return c.scan(ctx, c.Next(), func(b *event.Batch) error {
		if err := c.bridge(ctx, b.First); err != nil {
			return err
		}
		if err := c.replayBatch(b, header); err != nil {
			return err
		}
		c.next.Store(uint64(b.Next()))
		c.lastTime = b.Time
		c.recent.add(b.Commit, span{b.First, uint32(b.Count)})
		return nil
	})
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
	if c.genesis.Trust == event.Distributed && b.First > 0 {
		seal, err := evidence.ParseSeal(b.Evidence)
		if err != nil {
			return fault.New(fault.Damaged, "the seal of event %d of chain %s: %w", b.First, c.name, err)
		}
		c.writers.Stage(&seal)
		c.writers.Settle()
	}
	return nil
}

// bridge appends the leaf hashes of events that compaction dropped from before
// a seq.
func (c *Chain) bridge(ctx context.Context, to event.Seq) error {
	for at := c.merkle.Size(); at < uint64(to); at = c.merkle.Size() {
		leaves, err := c.bundles.leaves(ctx, at, uint64(to))
		if err != nil {
			return fault.New(fault.Damaged, "the leaf hashes of events %d to %d of chain %s, which are gone: %w", at, to, c.name, err)
		}
		c.merkle.Append(leaves...)
	}
	return nil
}

// scan reads the headers of all batches that have events at or after from. A
// batch is valid until visit returns.
func (c *Chain) scan(ctx context.Context, from event.Seq, visit func(*event.Batch) error) error {
	var records []byte
	for {
		var err error
		records, err = c.log.Read(ctx, records[:0], from, replayChunk, true)
		if err != nil || len(records) == 0 {
			return err
		}
		for batch, err := range event.Records(records) {
			if err == nil {
				err = visit(&batch)
			}
			if err != nil {
				return err
			}
			from = batch.Next()
		}
	}
}
