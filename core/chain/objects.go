package chain

import (
	"hash/maphash"

	"github.com/atedb/atedb/sdk/event"
)

// objects knows each live object's newest event.
//
// It keeps 128 bits of keyed hash in the place of each key: an entry is then
// small, of one size, and without a pointer, so a million objects cost the
// garbage collector nothing. The seeds are the process's secret, so nobody can
// choose two keys that collide; that some do by chance is as likely as guessing
// a 64-bit number once for four thousand million objects.
type objects struct {
	seeds  [2]maphash.Seed
	newest map[objectID]event.Seq
}

type objectID [2]uint64

func newObjects() objects {
	return objects{
		seeds:  [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		newest: make(map[objectID]event.Seq),
	}
}

func (o *objects) id(key []byte) objectID {
	return objectID{maphash.Bytes(o.seeds[0], key), maphash.Bytes(o.seeds[1], key)}
}

// find returns the object's newest event, if the object has a value.
func (o *objects) find(key []byte) (event.Seq, bool) {
	seq, ok := o.newest[o.id(key)]
	return seq, ok
}

// apply changes an object by an event.
func (o *objects) apply(w write, seq event.Seq) {
	if id := o.id(w.key); w.tombstone {
		delete(o.newest, id)
	} else {
		o.newest[id] = seq
	}
}
