package chain

import (
	"context"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// Head returns the chain's newest durable head.
func (c *Chain) Head() merkle.Head { return c.merkle.Head() }

// Leaves returns leaf hashes, also those of events that compaction dropped.
func (c *Chain) Leaves(ctx context.Context, from event.Seq, count int) ([]event.Hash, error) {
	if size := c.Head().Size; uint64(from) > size || uint64(count) > size-uint64(from) {
		return nil, fault.New(fault.BadRequest, "leaf hashes %d to %d were asked for; the chain has %d", from, uint64(from)+uint64(count), size)
	}
	return c.merkle.Leaves(ctx, uint64(from), count)
}

// ProveInclusion returns the proof that an event is in the head of a size.
func (c *Chain) ProveInclusion(ctx context.Context, seq event.Seq, size uint64) ([]event.Hash, error) {
	if head := c.Head(); size > head.Size || uint64(seq) >= size {
		return nil, fault.New(fault.BadRequest, "a proof for event %d in a head of size %d was asked for; the chain has %d events", seq, size, head.Size)
	}
	return c.merkle.ProveInclusion(ctx, uint64(seq), size)
}

// ProveConsistency returns the proof that the head of one size continues that
// of another.
func (c *Chain) ProveConsistency(ctx context.Context, from, to uint64) ([]event.Hash, error) {
	if head := c.Head(); to > head.Size || from > to {
		return nil, fault.New(fault.BadRequest, "a proof that a head of size %d continues one of size %d was asked for; the chain has %d events", to, from, head.Size)
	}
	return c.merkle.ProveConsistency(ctx, from, to)
}

// Authority returns who may write and read an object, or one that would be
// made under a parent.
func (c *Chain) Authority(key, parent []byte) (authority.Resolved, error) {
	c.stateMu.RLock()
	defer c.stateMu.RUnlock()
	return c.tree.Authority(key, parent)
}
