package merkle

import (
	"context"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// MaxLeaves is how many leaf hashes one call of [Tree.Leaves] returns at most.
const MaxLeaves = 16 * BundleSize

// Tree is the Merkle tree of one chain. In memory it holds the leaves that are
// not in stored bundles, and 64 bytes for each full bundle.
//
// All of its methods may be called concurrently. Append and Head do no I/O, and
// wait for nobody who does, or who computes proofs: the others take what they
// need under the lock, and work outside it.
type Tree struct {
	mu sync.Mutex // guards the fields of this group; held for hashing new leaves at most
	view
	edge frontier
	head Head // that of size head.Size, which may be behind

	flush sync.Mutex // held by the one Flush that runs
	cache cache
}

// New returns an empty tree that stores its full bundles in b.
func New(b Bundles) *Tree {
	return &Tree{head: EmptyHead(), cache: cache{store: b}}
}

// Unsaved reports whether Flush has something to store.
func (t *Tree) Unsaved() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.tail) >= BundleSize
}

// Append adds leaves. It never fails, does no I/O and does not keep the slice.
func (t *Tree) Append(leaves ...event.Hash) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.appendLocked(leaves)
}

func (t *Tree) appendLocked(leaves []event.Hash) {
	t.tail = append(t.tail, leaves...)
	keep := t.keepLocked
	for i := range leaves {
		t.edge.add(0, leaves[i], keep)
	}
	t.size = t.edge.size
}

// keepLocked keeps the next node of a level, a bundle's root or one above.
func (t *Tree) keepLocked(level int, h event.Hash) {
	if level-bundleHeight == len(t.upper) {
		t.upper = append(t.upper, nil)
	}
	t.upper[level-bundleHeight] = append(t.upper[level-bundleHeight], h)
}

// Size returns the number of leaves.
func (t *Tree) Size() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.size
}

// Head returns the tree's head. After an Append it costs as many hashes as the
// size has binary ones, otherwise nothing.
func (t *Tree) Head() Head {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.headLocked()
}

func (t *Tree) headLocked() Head {
	if t.head.Size != t.size {
		t.head = Head{Size: t.size, Root: t.edge.root()}
	}
	return t.head
}

// Leaves returns the leaf hashes from seq from on, exactly count. Ones that the
// tree does not have are a bad_request fault, more than MaxLeaves a too_large
// one, and a bundle that fails its check a damaged one.
func (t *Tree) Leaves(ctx context.Context, from uint64, count int) ([]event.Hash, error) {
	v := t.snapshot()
	if count < 0 || count > MaxLeaves {
		return nil, fault.New(fault.TooLarge, "%d leaf hashes were asked for; at most %d can be had at a time", count, MaxLeaves)
	}
	if from > v.size || uint64(count) > v.size-from {
		return nil, fault.New(fault.BadRequest, "%d leaf hashes from %d on were asked for; the chain has %d", count, from, v.size)
	}
	leaves := make([]event.Hash, 0, count)
	for end := from + uint64(count); from < end; {
		n := from / BundleSize
		some := v.tail
		first := v.stored * BundleSize
		if n < v.stored {
			b, err := t.cache.get(ctx, n, v.upper[0][n])
			if err != nil {
				return nil, err
			}
			some, first = b.levels[0], n*BundleSize
		}
		some = some[from-first : min(end-first, uint64(len(some)))]
		leaves = append(leaves, some...)
		from += uint64(len(some))
	}
	return leaves, nil
}

// Flush stores the full bundles that are not stored yet, and then forgets their
// leaves. When it fails, those that it has not stored stay in memory, and it may
// be called again. Concurrent calls wait for each other.
func (t *Tree) Flush(ctx context.Context) error {
	t.flush.Lock()
	defer t.flush.Unlock()
	v := t.snapshot()
	if v.stored == v.size/BundleSize {
		return nil
	}
	raw := make([]byte, 0, BundleBytes)
	for n := v.stored; n < v.size/BundleSize; n++ {
		raw = raw[:0]
		for i := range uint64(BundleSize) {
			raw = append(raw, v.tail[(n-v.stored)*BundleSize+i][:]...)
		}
		if err := t.cache.store.PutBundle(ctx, n, raw); err != nil {
			return fault.New(fault.CodeOf(err), "storing bundle %d of the chain's leaf hashes: %w", n, err)
		}
		t.forget(n)
	}
	return nil
}

// forget drops the leaves of bundle n, the first one that was not stored. What
// remains is copied: snapshots may still use the old memory.
func (t *Tree) forget(n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tail = append([]event.Hash(nil), t.tail[BundleSize:]...)
	t.stored = n + 1
}
