package evidence

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

const (
	stateVersion = 1
	stateHeader  = 1 + 8 + 4
	lastSize     = 32 + 16 + 8 + 8
)

// AppendState appends the memory's state to dst:
//
//	offset  size  field
//	     0     1  version, 1
//	     1     8  floor
//	     9     4  number of writers
//	    13        the writers, in ascending order of signer and name
//
// and for each writer
//
//	 0    32  id of the signing key
//	32    16  name
//	48     8  last number
//	56     8  size of the newest head that it built on, at least the floor
//
// Nothing may be staged.
func (w *Writers) AppendState(dst []byte) []byte {
	lasts := slices.Clone(w.recent.lasts)
	slices.SortFunc(lasts, func(a, b last) int { return a.compare(b.writer) })
	dst = append(dst, stateVersion)
	dst = binary.LittleEndian.AppendUint64(dst, w.floor)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(lasts)))
	for _, l := range lasts {
		dst = append(dst, l.signer[:]...)
		dst = append(dst, l.name[:]...)
		dst = binary.LittleEndian.AppendUint64(dst, l.number)
		dst = binary.LittleEndian.AppendUint64(dst, l.head)
	}
	return dst
}

func (w writer) compare(other writer) int {
	if order := bytes.Compare(w.signer[:], other.signer[:]); order != 0 {
		return order
	}
	return bytes.Compare(w.name[:], other.name[:])
}

// RestoreWriters returns the memory that has this state, which it does not keep.
// Anything but a state is a damaged fault; the memory must then be built from
// the chain's batches.
func RestoreWriters(state []byte) (*Writers, error) {
	if len(state) < stateHeader {
		return nil, fault.New(fault.Damaged, "the memory of a chain's writers has %d bytes, which is too short", len(state))
	}
	if state[0] != stateVersion {
		return nil, fault.New(fault.Damaged, "the memory of a chain's writers is of version %d; this program knows version %d", state[0], stateVersion)
	}
	w := NewWriters()
	w.floor = binary.LittleEndian.Uint64(state[1:])
	count, rest := binary.LittleEndian.Uint32(state[9:]), state[stateHeader:]
	if count > MaxWriters || len(rest) != int(count)*lastSize {
		return nil, fault.New(fault.Damaged, "the memory of a chain's writers says that it has %d in %d bytes; at most %d of %d bytes each are allowed", count, len(rest), MaxWriters, lastSize)
	}
	for chunk := range slices.Chunk(rest, lastSize) {
		l := last{
			writer: writer{event.Hash(chunk[:32]), Writer(chunk[32:48])},
			number: binary.LittleEndian.Uint64(chunk[48:]), head: binary.LittleEndian.Uint64(chunk[56:]),
		}
		if n := w.recent.Len(); n > 0 && w.recent.lasts[n-1].compare(l.writer) >= 0 || l.head < w.floor {
			return nil, fault.New(fault.Damaged, "the memory of a chain's writers is out of order at writer %s of key %s", l.name, l.signer)
		}
		w.recent.Push(l)
	}
	heap.Init(&w.recent)
	return w, nil
}
