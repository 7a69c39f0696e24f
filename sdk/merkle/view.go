package merkle

import (
	"context"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/atedb/atedb/sdk/event"
)

// view is the nodes of a tree at one moment. Its slices only ever grow in the
// tree, so a copy of a view may be read without the tree's lock.
type view struct {
	size   uint64
	stored uint64         // bundles that are stored
	tail   []event.Hash   // the leaves after those
	upper  [][]event.Hash // the nodes of level bundleHeight and up, of full bundles, stored or not
}

func (t *Tree) snapshot() view {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.view
	v.upper = slices.Clone(t.upper)
	return v
}

// reader reads single nodes of a view. It implements [tlog.HashReader].
type reader struct {
	view
	ctx   context.Context
	cache *cache
}

// ReadHashes returns the nodes with the given indexes, which must be in the
// view.
func (r *reader) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		h, err := r.node(level, uint64(n))
		if err != nil {
			return nil, err
		}
		hashes[i] = tlog.Hash(h)
	}
	return hashes, nil
}

func (r *reader) node(level int, n uint64) (event.Hash, error) {
	if level >= bundleHeight {
		return r.upper[level-bundleHeight][n], nil
	}
	number := n >> (bundleHeight - level)
	if number >= r.stored {
		first := n<<level - r.stored*BundleSize
		return Root(r.tail[first : first+1<<level]), nil
	}
	b, err := r.cache.get(r.ctx, number, r.upper[0][number])
	if err != nil {
		return event.Hash{}, err
	}
	return b.levels[level][n-number<<(bundleHeight-level)], nil
}
