package verify

import (
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/merkle"
)

// recentRoots is how many roots are known by size, at least; up to twice as
// many are.
const recentRoots = 4096

// roots knows the roots that a log had after its newest batches. Seals build on
// those, and to compute one anew takes as long as to check a signature.
type roots struct{ young, old map[uint64]event.Hash }

func (r *roots) add(head merkle.Head) {
	if r.young == nil || len(r.young) >= recentRoots {
		r.young, r.old = make(map[uint64]event.Hash), r.young
	}
	r.young[head.Size] = head.Root
}

func (r *roots) find(size uint64) (event.Hash, bool) {
	root, ok := r.young[size]
	if !ok {
		root, ok = r.old[size]
	}
	return root, ok
}
