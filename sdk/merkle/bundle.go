package merkle

import (
	"context"
	"sync"
	"weak"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Sizes of a stored bundle of leaf hashes.
const (
	BundleSize   = 1 << bundleHeight // leaves
	BundleBytes  = BundleSize * hashSize
	bundleHeight = 12
	hashSize     = len(event.Hash{})
)

// Bundles keeps full bundles of leaf hashes, BundleBytes each, numbered from 0.
// Its methods may be called concurrently.
type Bundles interface {
	// PutBundle stores a bundle durably. After a crash the same bundle may
	// be put again, with the same bytes. It does not keep leaves.
	PutBundle(ctx context.Context, n uint64, leaves []byte) error
	// GetBundle returns a bundle that was put, which the caller does not
	// change. One that is not there is a not_found fault.
	GetBundle(ctx context.Context, n uint64) ([]byte, error)
}

// bundle is a stored bundle with the nodes over its leaves: level 0 is the
// leaves, level bundleHeight the root.
type bundle struct {
	levels [bundleHeight + 1][]event.Hash
}

// parseBundle computes a bundle's nodes. A raw of another length, or with
// another root than wanted, is a damaged fault.
func parseBundle(n uint64, raw []byte, want event.Hash) (*bundle, error) {
	if len(raw) != BundleBytes {
		return nil, fault.New(fault.Damaged, "bundle %d of the chain's leaf hashes has %d bytes instead of %d", n, len(raw), BundleBytes)
	}
	b := new(bundle)
	nodes := make([]event.Hash, 2*BundleSize-1)
	for level := range b.levels {
		width := BundleSize >> level
		b.levels[level], nodes = nodes[:width:width], nodes[width:]
	}
	for i := range b.levels[0] {
		copy(b.levels[0][i][:], raw[i*hashSize:])
	}
	for level := 1; level < len(b.levels); level++ {
		below := b.levels[level-1]
		for i := range b.levels[level] {
			b.levels[level][i] = node(&below[2*i], &below[2*i+1])
		}
	}
	if got := b.levels[bundleHeight][0]; got != want {
		return nil, fault.New(fault.Damaged, "bundle %d of the chain's leaf hashes has the root %s instead of %s", n, got, want)
	}
	return b, nil
}

// cache remembers the bundles that were read last, for as long as the garbage
// collector lets it: a server has thousands of trees, and few of them are asked
// for proofs. It may be used concurrently.
type cache struct {
	mu    sync.Mutex // guards kept
	kept  [2]cached  // the newest first
	store Bundles
}

type cached struct {
	n uint64
	b weak.Pointer[bundle]
}

// get returns bundle n, whose root is known.
func (c *cache) get(ctx context.Context, n uint64, root event.Hash) (*bundle, error) {
	if b := c.lookup(n); b != nil {
		return b, nil
	}
	raw, err := c.store.GetBundle(ctx, n)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.Damaged, "bundle %d of the chain's leaf hashes is missing: %w", n, err)
	}
	if err != nil {
		return nil, fault.New(fault.CodeOf(err), "reading bundle %d of the chain's leaf hashes: %w", n, err)
	}
	b, err := parseBundle(n, raw, root)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = [2]cached{{n, weak.Make(b)}, c.kept[0]}
	return b, nil
}

func (c *cache) lookup(n uint64) *bundle {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, kept := range c.kept {
		if b := kept.b.Value(); b != nil && kept.n == n {
			return b
		}
	}
	return nil
}

// MemoryBundles keeps bundles in memory, for clients and tests. The zero value
// is empty. It may be used concurrently.
type MemoryBundles struct {
	mu      sync.Mutex
	bundles map[uint64][]byte
}

// PutBundle implements [Bundles].
func (m *MemoryBundles) PutBundle(_ context.Context, n uint64, leaves []byte) error {
	if len(leaves) != BundleBytes {
		return fault.New(fault.BadRequest, "bundle %d has %d bytes; %d are needed", n, len(leaves), BundleBytes)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bundles == nil {
		m.bundles = make(map[uint64][]byte)
	}
	m.bundles[n] = append([]byte(nil), leaves...)
	return nil
}

// GetBundle implements [Bundles].
func (m *MemoryBundles) GetBundle(_ context.Context, n uint64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	leaves, ok := m.bundles[n]
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no bundle %d of leaf hashes", n)
	}
	return leaves, nil
}
