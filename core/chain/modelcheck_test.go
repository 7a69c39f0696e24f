package chain

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"reflect"
	"slices"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/verify"
)

// check holds the chain against the oracle and against what can be had from its
// survivors alone.
func (m *model) check() {
	m.t.Helper()
	m.checkObjects()
	m.checkTree()
	m.checkProofs(uint64(m.Next()), false)
	m.checkReplayed()
	often := 4
	if m.trust == event.Distributed { // verifying seals takes long
		often = 16
	}
	if m.checks++; m.checks%often == 0 {
		m.checkVerified()
	}
}

// checkObjects compares what lives: versions, data, authorities.
func (m *model) checkObjects() {
	m.t.Helper()
	own := len(m.Newest([][]byte{[]byte(event.GenesisKey), []byte(authority.LiveBeginKey), []byte(authority.LiveKey)}))
	if got, want := m.Objects(), len(m.objects)+own; got != want {
		m.t.Fatalf("%d objects live, want %d", got, want)
	}
	stored := m.stored()
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		o := m.objects[key]
		if got := m.Newest([][]byte{[]byte(key)}); len(got) != 1 || got[0] != o.seq {
			m.t.Fatalf("object %q is at %v, want %d", key, got, o.seq)
		}
		if data, ok := stored[o.seq]; !ok || data != o.data {
			m.t.Fatalf("object %q at %d is %q (%t), want %q", key, o.seq, data, ok, o.data)
		}
		got, err := m.Authority([]byte(key), nil)
		if want := m.resolved(key); err != nil || !reflect.DeepEqual(got, want) {
			m.t.Fatalf("object %q is for %+v (%v), want %+v", key, got, err, want)
		}
	}
	for id := range m.known {
		if _, ok := m.tree.PublicKey(id); !ok {
			m.t.Fatalf("the public key %s is not known any more", id)
		}
	}
}

// checkTree compares the leaf hashes, also of what was dropped, and the head;
// and proves some of the survivors.
func (m *model) checkTree() {
	m.t.Helper()
	head := merkle.Head{Size: uint64(len(m.leaves)), Root: merkle.Root(m.leaves)}
	if got := m.Head(); got != head || m.Next() != event.Seq(len(m.leaves)) {
		m.t.Fatalf("the head is %s, want %s", got, head)
	}
	for from := 0; from < len(m.leaves); from += merkle.MaxLeaves {
		want := m.leaves[from:min(from+merkle.MaxLeaves, len(m.leaves))]
		if got, err := m.Leaves(m.t.Context(), event.Seq(from), len(want)); err != nil || !slices.Equal(got, want) {
			m.t.Fatalf("the leaf hashes from %d on are others (%v)", from, err)
		}
	}
}

// checkProofs proves survivors to be in the head of a size: all that are, or a
// few.
func (m *model) checkProofs(size uint64, all bool) {
	m.t.Helper()
	root, err := m.merkle.RootAt(m.t.Context(), size)
	if err != nil {
		m.t.Fatal(err)
	}
	head, survivors := merkle.Head{Size: size, Root: root}, slices.Sorted(maps.Keys(m.stored()))
	for i, seq := range survivors {
		if uint64(seq) >= size || !all && !m.oneIn(len(survivors)/10+1) {
			continue
		}
		proof, err := m.ProveInclusion(m.t.Context(), seq, size)
		if err == nil {
			err = merkle.CheckInclusion(proof, head, uint64(seq), m.leaves[seq])
		}
		if err != nil {
			m.t.Fatalf("event %d, the survivor %d: %v", seq, i, err)
		}
	}
}

// checkVerified has a stranger verify the survivors.
func (m *model) checkVerified() {
	m.t.Helper()
	l := m.verify()
	for key, o := range m.objects {
		if seq, ok := l.Newest([]byte(key)); !ok || seq != o.seq {
			m.t.Fatalf("the verifier has object %q at %d %t, want %d", key, seq, ok, o.seq)
		}
	}
}

// verify has a stranger verify what is left of a chain, up to its head.
func (f *fixture) verify() *verify.Log {
	f.t.Helper()
	ctx := f.t.Context()
	_, genesis := f.Genesis()
	l, err := verify.New(genesis, f.Leaves)
	if err != nil {
		f.t.Fatal(err)
	}
	batches := uint64(0)
	for b, err := range event.Records(f.log.Records()) {
		if err == nil && b.First > 0 {
			if len(b.Evidence) > 0 { // else it is the server's own
				batches++
			}
			err = l.Add(ctx, &b)
		}
		if err != nil {
			f.t.Fatalf("verifying: %v", err)
		}
	}
	err = l.Skip(ctx, f.Next())
	if err == nil {
		err = l.CheckHead(ctx, f.Head())
	}
	if err == nil {
		err = l.CheckLive()
	}
	if got := l.Counts(); err != nil || l.Head() != f.Head() || f.trust == event.Distributed && got.Seals != batches {
		f.t.Fatalf("verified: head %s, %+v of %d batches: %v", l.Head(), got, batches, err)
	}
	return l
}

// checkReplayed opens a copy of the log without its snapshot: the state is the
// same.
func (m *model) checkReplayed() {
	m.t.Helper()
	log := m.log.Copy()
	m.forgetSnapshot(log)
	again, err := Open(context.Background(), testName, Options{
		Log: log, Publisher: &publisher{}, Trust: m.trust, Validator: m.validator,
		OnFail: func(err error) { m.t.Error(err) }, OnProblem: func(err error) { m.t.Error(err) },
	})
	if err != nil {
		m.t.Fatal(err)
	}
	if got, want := again.Head(), m.Head(); got != want {
		m.t.Fatalf("read anew, the head is %s, want %s", got, want)
	}
	if !bytes.Equal(entries(again.tree), entries(m.tree)) {
		m.t.Fatal("read anew, the authority tree is another")
	}
}

// entries returns what a tree holds, whatever the order in which its snapshot
// has it: see package authority.
func entries(t *authority.Tree) []byte {
	b := t.AppendSnapshot(nil)
	le := binary.LittleEndian
	skipWrite := func(at int) int {
		if b[at] == byte(event.WriteAnyOf) {
			return at + 5 + 32*int(le.Uint32(b[at+1:]))
		}
		return at + 1
	}
	at := skipWrite(8 + 4 + 32 + 8)
	sorted := bytes.Clone(b[:at])
	section := func(skip func(at int) int) {
		var parts [][]byte
		n := le.Uint64(b[at:])
		at += 8
		for range n {
			end := skip(at)
			parts = append(parts, b[at:end])
			at = end
		}
		slices.SortFunc(parts, bytes.Compare)
		sorted = append(le.AppendUint64(sorted, n), bytes.Join(parts, nil)...)
	}
	section(func(at int) int { return at + 24 })
	section(func(at int) int {
		at = skipWrite(at + 32)
		if b[at] == byte(event.ReadByKey) {
			return at + 37
		}
		return at + 1
	})
	section(func(at int) int { return at + 2 + int(le.Uint16(b[at:])) })
	return sorted
}
