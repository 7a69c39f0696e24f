package modeltest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"

	"github.com/atedb/atedb/core/chain"
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
	m.checkProofs(uint64(m.chain.Next()), false)
	m.checkReplayed()
	often := 4
	if m.Trust == event.Distributed { // verifying seals takes long
		often = 16
	}
	if m.checks++; m.checks%often == 0 {
		m.checkVerified()
	}
}

// all returns all records.
func (m *model) all() []byte {
	m.t.Helper()
	all, err := records(m.t.Context(), m.log, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	return all
}

// stored returns the data of all events that are there.
func (m *model) stored() map[event.Seq]string {
	m.t.Helper()
	got := make(map[event.Seq]string)
	next := event.Seq(0)
	for b, err := range event.Records(m.all()) {
		if err != nil || b.First < next {
			m.t.Fatalf("a record of %d after one up to %d: %v", b.First, next, err)
		}
		next = b.Next()
		seq := b.First
		for f, err := range b.Events() {
			if err != nil {
				m.t.Fatal(err)
			}
			if f.Leaf(m.chain.ID()) != m.leaves[seq] {
				m.t.Fatalf("event %d is another", seq)
			}
			got[seq] = string(f.Data)
			seq++
		}
	}
	return got
}

// checkObjects compares what lives: versions, data, authorities.
func (m *model) checkObjects() {
	m.t.Helper()
	own := len(m.chain.Newest([][]byte{[]byte(event.GenesisKey), []byte(authority.LiveBeginKey), []byte(authority.LiveKey)}))
	if got, want := m.chain.Objects(), len(m.objects)+own; got != want {
		m.t.Fatalf("%d objects live, want %d", got, want)
	}
	stored := m.stored()
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		o := m.objects[key]
		if got := m.chain.Newest([][]byte{[]byte(key)}); len(got) != 1 || got[0] != o.seq {
			m.t.Fatalf("object %q is at %v, want %d", key, got, o.seq)
		}
		if data, ok := stored[o.seq]; !ok || data != o.data {
			m.t.Fatalf("object %q at %d is %q (%t), want %q", key, o.seq, data, ok, o.data)
		}
		got, err := m.chain.Authority([]byte(key), nil)
		if want := m.resolved(key); err != nil || !reflect.DeepEqual(got, want) {
			m.t.Fatalf("object %q is for %+v (%v), want %+v", key, got, err, want)
		}
		if m.oneIn(50) {
			m.checkLoaded(o.seq, o.data)
		}
	}
	for id := range m.known {
		if m.Inside != nil && !m.Inside.Knows(m.chain, id) {
			m.t.Fatalf("the public key %s is not known any more", id)
		}
	}
}

// checkLoaded asks for one event.
func (m *model) checkLoaded(seq event.Seq, data string) {
	m.t.Helper()
	record, err := m.chain.AppendEvents(m.t.Context(), nil, []event.Seq{seq}, 1<<20)
	if err != nil || len(record) == 0 {
		m.t.Fatalf("event %d cannot be loaded: %v", seq, err)
	}
	b, _, err := event.CutRecord(record)
	if err != nil {
		m.t.Fatal(err)
	}
	if f, _, err := event.CutFrame(b.Frames); err != nil || b.First != seq || string(f.Data) != data {
		m.t.Fatalf("event %d loads as %d, %q: %v; want %q", seq, b.First, f.Data, err, data)
	}
}

// checkTree compares the leaf hashes, also of what was dropped, and the head.
func (m *model) checkTree() {
	m.t.Helper()
	if got := m.chain.Head(); got != m.tree.Head() || m.chain.Next() != event.Seq(len(m.leaves)) {
		m.t.Fatalf("the head is %s, want %s", got, m.tree.Head())
	}
	for from := 0; from < len(m.leaves); from += merkle.MaxLeaves {
		want := m.leaves[from:min(from+merkle.MaxLeaves, len(m.leaves))]
		if got, err := m.chain.Leaves(m.t.Context(), event.Seq(from), len(want)); err != nil || !slices.Equal(got, want) {
			m.t.Fatalf("the leaf hashes from %d on are others (%v)", from, err)
		}
	}
}

// checkProofs proves survivors to be in the head of a size: all that are, or a
// few.
func (m *model) checkProofs(size uint64, all bool) {
	m.t.Helper()
	root, err := m.tree.RootAt(m.t.Context(), size)
	if err != nil {
		m.t.Fatal(err)
	}
	head, survivors := merkle.Head{Size: size, Root: root}, slices.Sorted(maps.Keys(m.stored()))
	for i, seq := range survivors {
		if uint64(seq) >= size || !all && !m.oneIn(len(survivors)/10+1) {
			continue
		}
		proof, err := m.chain.ProveInclusion(m.t.Context(), seq, size)
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
	ctx := m.t.Context()
	_, genesis := m.chain.Genesis()
	l, err := verify.New(genesis, m.chain.Leaves)
	if err != nil {
		m.t.Fatal(err)
	}
	batches := uint64(0)
	for b, err := range event.Records(m.all()) {
		if err == nil && b.First > 0 {
			if !m.own[b.First] {
				batches++
			}
			err = l.Add(ctx, &b)
		}
		if err != nil {
			m.t.Fatalf("verifying: %v", err)
		}
	}
	err = l.Skip(ctx, m.chain.Next())
	if err == nil {
		err = l.CheckHead(ctx, m.chain.Head())
	}
	if err == nil {
		err = l.CheckLive()
	}
	if got := l.Counts(); err != nil || l.Head() != m.chain.Head() || m.Trust == event.Distributed && got.Seals != batches {
		m.t.Fatalf("verified: head %s, %+v of %d batches: %v", l.Head(), got, batches, err)
	}
	for key, o := range m.objects {
		if seq, ok := l.Newest([]byte(key)); !ok || seq != o.seq {
			m.t.Fatalf("the verifier has object %q at %d %t, want %d", key, seq, ok, o.seq)
		}
	}
}

// snapshotBlob names the newest snapshot of a chain's state.
const snapshotBlob = "snapshot"

// checkReplayed opens a copy of the log without its snapshot: the state is the
// same.
func (m *model) checkReplayed() {
	m.t.Helper()
	disk := m.disk.Copy()
	log, err := m.openDisk(disk)
	if err == nil {
		err = log.PutBlob(m.t.Context(), snapshotBlob, nil)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	again, err := chain.Open(context.Background(), Name, chain.Options{
		Log: log, Publisher: reading{}, Trust: m.Trust, Validator: m.Validator,
		OnFail: func(err error) { m.t.Error(err) }, OnProblem: func(err error) { m.t.Error(err) },
	})
	if err != nil {
		m.t.Fatal(err)
	}
	if got, want := again.Head(), m.chain.Head(); got != want {
		m.t.Fatalf("read anew, the head is %s, want %s", got, want)
	}
	keys := [][]byte{}
	for key := range m.objects {
		keys = append(keys, []byte(key))
	}
	if !reflect.DeepEqual(again.Versions(keys...), m.chain.Versions(keys...)) || again.Objects() != m.chain.Objects() {
		m.t.Fatal("read anew, other events are the newest ones")
	}
	if m.Inside != nil && !bytes.Equal(m.Inside.State(again), m.Inside.State(m.chain)) {
		m.t.Fatal("read anew, the authority tree is another")
	}
	if err := errors.Join(log.Close(), m.closeDisk(disk)); err != nil {
		m.t.Fatal(err)
	}
}
