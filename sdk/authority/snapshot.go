package authority

import (
	"encoding/binary"

	"github.com/atedb/atedb/sdk/event"
)

// Snapshot format. The package comment has the table.
const (
	snapshotMagic   = "ATEauth\n"
	snapshotVersion = 1
	snapshotHeader  = 8 + 4 + 32
	snapshotObject  = 16 + 8
	snapshotExtra   = 16 + 16 + 1 + 1 // at least
	snapshotKey     = 2 + 1           // at least
	snapshotSum     = 4
)

// AppendSnapshot appends the settled state to dst, as [Restore] takes it.
func (t *Tree) AppendSnapshot(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, snapshotMagic...)
	dst = binary.LittleEndian.AppendUint32(dst, snapshotVersion)
	dst = append(dst, t.nonce[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(t.settled.next))
	dst = appendWrite(dst, t.settled.root)

	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(t.objects.settled)))
	for id, v := range t.objects.settled {
		dst = appendID(dst, id)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(v-1))
	}
	countAt, count := len(dst), uint64(0)
	dst = binary.LittleEndian.AppendUint64(dst, 0)
	for id, e := range t.extras.settled {
		if e.parent == top && e.write == nil && e.read == nil {
			continue // it has nothing but children, which tell themselves
		}
		count++
		dst = appendID(appendID(dst, id), e.parent)
		dst = appendRead(appendWrite(dst, e.write), e.read)
	}
	binary.LittleEndian.PutUint64(dst[countAt:], count)
	dst = t.keys.appendSettled(dst)
	return binary.LittleEndian.AppendUint32(dst, event.Checksum(dst[start:]))
}

func appendID(dst []byte, id objectID) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, id[0]), id[1])
}

func appendWrite(dst []byte, w *event.WriteAuthority) []byte {
	if w == nil {
		return append(dst, byte(event.WriteInherit))
	}
	if dst = append(dst, byte(w.Kind)); w.Kind == event.WriteAnyOf {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(w.Keys)))
		for i := range w.Keys {
			dst = append(dst, w.Keys[i][:]...)
		}
	}
	return dst
}

func appendRead(dst []byte, r *event.ReadAuthority) []byte {
	if r == nil {
		return append(dst, byte(event.ReadInherit))
	}
	if dst = append(dst, byte(r.Kind)); r.Kind == event.ReadByKey {
		dst = append(dst, r.Key[:]...)
		dst = binary.LittleEndian.AppendUint32(dst, r.Generation)
	}
	return dst
}
