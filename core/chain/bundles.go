package chain

import (
	"context"
	"fmt"

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
	const size = uint64(len(event.Hash{}))
	if n := from / merkle.BundleSize; b.raw == nil || b.n != n {
		raw, err := b.bundles.GetBundle(ctx, n)
		if err != nil {
			return nil, err
		}
		if len(raw) != merkle.BundleBytes {
			return nil, fault.New(fault.Damaged, "bundle %d of leaf hashes has %d bytes; it must have %d", n, len(raw), merkle.BundleBytes)
		}
		b.n, b.raw = n, raw
	}
	end := min(to, (b.n+1)*merkle.BundleSize)
	leaves := make([]event.Hash, 0, end-from)
	for at := from; at < end; at++ {
		leaves = append(leaves, event.Hash(b.raw[at%merkle.BundleSize*size:][:size]))
	}
	return leaves, nil
}
