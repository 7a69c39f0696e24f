package chain

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// bundles keeps full bundles of leaf hashes in side blobs.
type bundles struct{ log Log }

func bundleName(n uint64) string { return fmt.Sprintf("leaves-%d", n) }

// PutBundle implements merkle.Bundles.
func (b bundles) PutBundle(ctx context.Context, n uint64, leaves []byte) error {
	return b.log.PutBlob(ctx, bundleName(n), leaves)
}

// GetBundle implements merkle.Bundles.
func (b bundles) GetBundle(ctx context.Context, n uint64) ([]byte, error) {
	return b.log.GetBlob(ctx, bundleName(n))
}

// bridge knows the leaf hashes of events that compaction dropped. It keeps the
// bundle that was read last: gaps are many and near each other.
type bridge struct {
	bundles bundles
	n       uint64 // of the bundle
	raw     []byte // nil if none was read
}

// leaves returns the leaf hashes from one position on, up to another one or
// the end of their bundle.
func (b *bridge) leaves(ctx context.Context, from, to uint64) ([]event.Hash, error) {
	const size = len(event.Hash{})
	if n := from / merkle.BundleSize; b.raw == nil || b.n != n {
		raw, err := b.bundles.GetBundle(ctx, n)
		if err != nil {
			return nil, err
		}
		if len(raw) > merkle.BundleBytes || len(raw)%size != 0 {
			return nil, fault.New(fault.Damaged, "bundle %d of leaf hashes has %d bytes; it has %d, or fewer whole hashes if it is the last", n, len(raw), merkle.BundleBytes)
		}
		b.n, b.raw = n, raw
	}
	first := b.n * merkle.BundleSize
	end := min(to, first+uint64(len(b.raw)/size))
	if end <= from {
		return nil, fault.New(fault.Damaged, "bundle %d of leaf hashes has only %d", b.n, len(b.raw)/size)
	}
	leaves := make([]event.Hash, 0, end-from)
	for raw := range slices.Chunk(b.raw[int(from-first)*size:int(end-first)*size], size) {
		leaves = append(leaves, event.Hash(raw))
	}
	return leaves, nil
}

// keepLeaves stores the leaf hashes of all events before end, which is at most
// the chain's next. The last bundle, which is not full, is stored as it is: a
// full one takes its place later.
func (c *Chain) keepLeaves(ctx context.Context, end uint64) error {
	for !c.upkeep.busy.CompareAndSwap(false, true) { // or else a full bundle could come before that one
		select {
		case <-ctx.Done():
			return fault.New(fault.Unavailable, "storing the leaf hashes of what is to be dropped: %w", ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
	defer c.upkeep.busy.Store(false)
	last := end / merkle.BundleSize
	if err := c.merkle.Flush(ctx); err != nil {
		return err
	}
	if c.merkle.Size()/merkle.BundleSize > last { // it is full by now
		return c.merkle.Flush(ctx)
	}
	leaves, err := c.merkle.Leaves(ctx, last*merkle.BundleSize, int(end%merkle.BundleSize))
	if err != nil || len(leaves) == 0 {
		return err
	}
	var raw []byte
	for i := range leaves {
		raw = append(raw, leaves[i][:]...)
	}
	return c.log.PutBlob(ctx, bundleName(last), raw)
}
