package merkle

import (
	"crypto/sha256"

	"github.com/atedb/atedb/sdk/event"
)

// node returns the hash of an inner node.
func node(left, right *event.Hash) event.Hash {
	var b [1 + 2*hashSize]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+hashSize:], right[:])
	return sha256.Sum256(b[:])
}

// frontier is the right edge of a tree: the roots of the perfect subtrees that
// its size, in binary, is made of. nodes[i] is in use where bit i of size is 1.
type frontier struct {
	size  uint64
	nodes []event.Hash
}

// add adds the root of a perfect subtree with 1<<level leaves, which size must
// be a multiple of. It calls keep, if there is one, for every node that this
// completes from the level of a bundle's root upwards.
func (f *frontier) add(level int, h event.Hash, keep func(level int, h event.Hash)) {
	at := level
	for n := f.size >> level; n&1 != 0; n >>= 1 {
		h = node(&f.nodes[at], &h)
		at++
		if at >= bundleHeight && keep != nil {
			keep(at, h)
		}
	}
	for len(f.nodes) <= at {
		f.nodes = append(f.nodes, event.Hash{})
	}
	f.nodes[at] = h
	f.size += 1 << level
}

// root returns the root of the whole tree.
func (f *frontier) root() event.Hash {
	if f.size == 0 {
		return EmptyHead().Root
	}
	var root event.Hash
	first := true
	for level := range f.nodes {
		switch {
		case f.size>>level&1 == 0:
		case first:
			root, first = f.nodes[level], false
		default:
			root = node(&f.nodes[level], &root)
		}
	}
	return root
}
