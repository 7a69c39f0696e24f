package merkle

import "github.com/atedb/atedb/sdk/event"

// recentHeads is how many heads are known by size, at least; up to twice as
// many are.
const recentHeads = 4096

// Recent knows the roots of the heads that it was told of last, which is where
// seals build on: to compute one anew takes as long as to check a signature. The
// zero value knows none. Its methods must not be called at the same time.
type Recent struct{ young, old map[uint64]event.Hash }

// Add makes a head known.
func (r *Recent) Add(head Head) {
	if r.young == nil || len(r.young) >= recentHeads {
		r.young, r.old = make(map[uint64]event.Hash), r.young
	}
	r.young[head.Size] = head.Root
}

// Find returns the root of the head of a size, if it is known.
func (r *Recent) Find(size uint64) (event.Hash, bool) {
	root, ok := r.young[size]
	if !ok {
		root, ok = r.old[size]
	}
	return root, ok
}
