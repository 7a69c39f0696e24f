package authority

import (
	"encoding/binary"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Restore returns the tree that a snapshot holds, with nothing staged. Events
// from [Tree.Next] on are still to be applied.
//
// A snapshot of a later version of the format is a not_supported fault; one of
// another chain, or damaged, is a damaged fault. In either case the tree can be
// built by applying all events.
func Restore(genesis event.Genesis, snapshot []byte) (*Tree, error) {
	body, err := checkSnapshot(genesis, snapshot)
	if err != nil {
		return nil, err
	}
	r := reader{rest: body}
	next := r.uint64()
	root := r.write()
	n := r.count(snapshotObject)
	t := newTree(genesis, n)
	t.settled = front{root: root, next: event.Seq(next)}
	t.restoreObjects(&r, n)
	t.restoreExtras(&r)
	t.restoreKeys(&r)
	t.staged = t.settled
	switch {
	case r.short:
		return nil, badSnapshot("is cut short")
	case r.bad != "":
		return nil, badSnapshot(r.bad)
	case len(r.rest) > 0:
		return nil, badSnapshot("has bytes after its end")
	case root == nil || root.Kind == event.WriteNobody:
		return nil, badSnapshot("has no root authority")
	}
	return t, nil
}

// checkSnapshot checks what stands around a snapshot's content and returns
// that.
func checkSnapshot(genesis event.Genesis, b []byte) ([]byte, error) {
	if len(b) < snapshotHeader+snapshotSum || string(b[:8]) != snapshotMagic {
		return nil, badSnapshot("does not begin as one")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != snapshotVersion {
		return nil, fault.New(fault.Unsupported, "a snapshot of the authority tree has version %d; this program knows version %d", v, snapshotVersion)
	}
	end := len(b) - snapshotSum
	if event.Checksum(b[:end]) != binary.LittleEndian.Uint32(b[end:]) {
		return nil, badSnapshot("fails its checksum")
	}
	if [32]byte(b[12:44]) != genesis.Nonce {
		return nil, badSnapshot("is of another chain")
	}
	return b[snapshotHeader:end], nil
}

func badSnapshot(how string) error {
	return fault.New(fault.Damaged, "a snapshot of the authority tree %s; build the tree from the events", how)
}

func (t *Tree) restoreObjects(r *reader, n int) {
	b := r.take(n * snapshotObject)
	for ; len(b) > 0; b = b[snapshotObject:] {
		seq := binary.LittleEndian.Uint64(b[16:])
		if seq >= uint64(t.settled.next) {
			r.fail("has an event that comes after it")
			return
		}
		t.objects.settled[cutID(b)] = version(seq + 1)
	}
	if len(t.objects.settled) != n {
		r.fail("has an object twice or no genesis")
	}
}

// restoreExtras also counts children.
func (t *Tree) restoreExtras(r *reader) {
	for range r.count(snapshotExtra) {
		id, parent, write, read := r.id(), r.id(), r.write(), r.read()
		if r.short {
			return
		}
		e := t.extras.settled[id]
		if t.objects.settled[id] == 0 || id == parent || e.parent != top || e.write != nil || e.read != nil {
			r.fail("has an impossible object")
			return
		}
		e.parent, e.write, e.read = parent, write, read
		t.extras.settled[id] = e
		if parent != top {
			above := t.extras.settled[parent]
			above.children++
			t.extras.settled[parent] = above
		}
	}
}

func (t *Tree) restoreKeys(r *reader) {
	n := r.count(snapshotKey)
	if n > MaxKeys {
		r.fail("has too many public keys")
		return
	}
	for range n {
		key := r.take(r.uint16())
		if len(key) == 0 || len(key) > event.MaxPublicKey {
			r.fail("has a public key of an impossible length")
			return
		}
		t.keys.introduce([][]byte{key})
	}
	t.keys.settle()
}

// reader reads a snapshot's content. Once it is short, it returns zeros.
type reader struct {
	rest  []byte
	short bool
	bad   string // what is wrong beside that
}

func (r *reader) fail(how string) {
	if r.bad == "" {
		r.bad = how
	}
}

// take returns the next n bytes, or none.
func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.rest, r.short = nil, true
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uint8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() int {
	if b := r.take(2); b != nil {
		return int(binary.LittleEndian.Uint16(b))
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// count returns a number of things that take at least size bytes each, as many
// as there can be.
func (r *reader) count(size int) int {
	n := r.uint64()
	if n > uint64(len(r.rest)/size) {
		r.rest, r.short = nil, true
		return 0
	}
	return int(n)
}

func (r *reader) id() objectID {
	if b := r.take(16); b != nil {
		return cutID(b)
	}
	return top
}

func cutID(b []byte) objectID {
	return objectID{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

func (r *reader) hash() (h event.Hash) {
	copy(h[:], r.take(len(h)))
	return h
}

// write returns nil for Inherit.
func (r *reader) write() *event.WriteAuthority {
	w := &event.WriteAuthority{Kind: event.WriteKind(r.uint8())}
	switch w.Kind {
	case event.WriteInherit:
		return nil
	case event.WriteEveryone, event.WriteNobody:
	case event.WriteAnyOf:
		n := int(r.uint32())
		if n == 0 || n > len(r.rest)/len(event.Hash{}) {
			r.rest, r.short = nil, true
			return nil
		}
		w.Keys = make([]event.Hash, n)
		for i := range w.Keys {
			w.Keys[i] = r.hash()
		}
	default:
		r.fail("has an unknown kind of write authority")
	}
	return w
}

// read returns nil for Inherit.
func (r *reader) read() *event.ReadAuthority {
	a := &event.ReadAuthority{Kind: event.ReadKind(r.uint8())}
	switch a.Kind {
	case event.ReadInherit:
		return nil
	case event.ReadEveryone:
	case event.ReadByKey:
		a.Key, a.Generation = r.hash(), r.uint32()
	default:
		r.fail("has an unknown kind of read authority")
	}
	return a
}
