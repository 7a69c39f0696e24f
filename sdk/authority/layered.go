package authority

import "math/bits"

// layered is a map with two layers: what is settled, and changes that are
// staged on top of it. An absent entry has the zero value, and putting the zero
// value takes an entry out.
//
// One goroutine stages; others may read the settled layer meanwhile. settle and
// only settle writes there, so it excludes them.
type layered[V comparable] struct {
	settled map[objectID]V
	changes []change[V] // staged, oldest first
	latest  index       // where in changes each changed entry's newest change is
}

type change[V comparable] struct {
	id     objectID
	value  V
	before uint32 // position of the entry's change before this one, plus 1; 0 if this is the first
}

// get returns an entry with what is staged.
func (l *layered[V]) get(id objectID) V {
	if len(l.changes) > 0 {
		if slot := l.find(id); l.latest.slots[slot] != 0 {
			return l.changes[l.latest.slots[slot]-1].value
		}
	}
	return l.settled[id]
}

// put stages a change.
func (l *layered[V]) put(id objectID, value V) {
	if 2*(len(l.changes)+1) > len(l.latest.slots) {
		l.grow()
	}
	slot := l.find(id)
	l.changes = append(l.changes, change[V]{id, value, l.latest.slots[slot]})
	l.latest.slots[slot] = uint32(len(l.changes))
}

// revert takes back all but the oldest n changes.
//
// No deletion marks are needed in the index: an entry that came last stands in
// a slot that was empty when all others found theirs.
func (l *layered[V]) revert(n int) {
	for i := len(l.changes) - 1; i >= n; i-- {
		c := &l.changes[i]
		l.latest.slots[l.find(c.id)] = c.before
	}
	clear(l.changes[n:])
	l.changes = l.changes[:n]
	if n == 0 && cap(l.changes) > keptChanges {
		l.changes, l.latest.slots = nil, nil
	}
}

// settle makes the staged changes part of the settled layer.
func (l *layered[V]) settle() {
	var zero V
	for i := range l.changes {
		if c := &l.changes[i]; c.value == zero {
			delete(l.settled, c.id)
		} else {
			l.settled[c.id] = c.value
		}
	}
	l.revert(0)
}

// find returns the slot where the index has the id's newest change, or an
// empty one where it belongs.
func (l *layered[V]) find(id objectID) uint64 {
	mask := uint64(len(l.latest.slots) - 1)
	slot := l.latest.home(id) & mask
	for {
		at := l.latest.slots[slot]
		if at == 0 || l.changes[at-1].id == id {
			return slot
		}
		slot = (slot + 1) & mask
	}
}

func (l *layered[V]) grow() {
	l.latest.slots = make([]uint32, max(64, 2*len(l.latest.slots)))
	for i := range l.changes {
		l.latest.slots[l.find(l.changes[i].id)] = uint32(i + 1)
	}
}

// keptChanges is how large a list of changes may stay for the next round.
const keptChanges = 1 << 16

// index is an open hash table of positions. Its seed is secret, or else a
// client could look for keys that all belong in one slot.
type index struct {
	slots []uint32 // position plus 1; 0 is empty; their number is a power of 2
	seed  objectID
}

func (x *index) home(id objectID) uint64 {
	hi, lo := bits.Mul64(id[0]^x.seed[0], id[1]^x.seed[1])
	return hi ^ lo
}
