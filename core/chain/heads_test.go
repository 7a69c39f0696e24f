package chain

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// naiveRoot is MTH of RFC 6962, section 2.1, word for word.
func naiveRoot(leaves []event.Hash) event.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	left, right := naiveRoot(leaves[:k]), naiveRoot(leaves[k:])
	b := [65]byte{1}
	copy(b[1:], left[:])
	copy(b[33:], right[:])
	return sha256.Sum256(b[:])
}

// leaves returns the leaf hashes of all that the log holds.
func (f *fixture) leaves() (leaves []event.Hash) {
	f.t.Helper()
	for batch, err := range event.Records(f.log.Records()) {
		if err != nil {
			f.t.Fatal(err)
		}
		leaves = append(leaves, leavesOf(f, batch.Count, batch.Frames)...)
	}
	return leaves
}

// wantHead checks the chain's head against all of its leaves.
func (f *fixture) wantHead(leaves []event.Hash) {
	f.t.Helper()
	if got, want := f.Head(), (merkle.Head{Size: uint64(len(leaves)), Root: naiveRoot(leaves)}); got != want {
		f.t.Fatalf("the head is %s, want %s", got, want)
	}
}

// bulk is a commit of n new objects.
func bulk(id byte, n int) *Commit {
	c := &Commit{ID: event.CommitID{id, 'b'}, Count: n}
	for i := range n {
		h := event.Header{Key: binary.BigEndian.AppendUint32([]byte{id}, uint32(i))}
		header, err := h.Encode()
		if err != nil {
			panic(err)
		}
		c.Frames = event.AppendFrame(c.Frames, header, []byte("data"))
	}
	return c
}

// TestEveryResultHasAHeadThatHoldsIt commits alone and in rounds, and sends
// commits again: every head is a root of the log, and holds the commit.
func TestEveryResultHasAHeadThatHoldsIt(t *testing.T) {
	f := newFixture(t)
	var results []Result
	for i := range byte(20) {
		var puts []put
		for k := range 1 + rand.IntN(5) {
			puts = append(puts, put{fmt.Sprintf("%d-%d", i, k), "v", false})
		}
		again := newCommit(i, puts...)
		again.Resent, again.ResentFrom = true, 1
		if i%2 == 0 {
			results = append(results, f.do(newCommit(i, puts...)), f.do(again))
		} else {
			results = append(results, f.round(newCommit(i, puts...), again, newCommit(100+i, puts...))...)
		}
	}
	leaves := f.leaves()
	for _, r := range results {
		if r.Err != nil || r.Head.Size < uint64(r.Next) || r.Head.Root != naiveRoot(leaves[:r.Head.Size]) {
			t.Errorf("%+v", r)
		}
	}
	f.wantHead(leaves)
}

// TestResentAmongWhatCannotBeStored has a commit that is stored answered with a
// head although the rest of its round fails.
func TestResentAmongWhatCannotBeStored(t *testing.T) {
	f := newFixture(t)
	f.want(f.do(newCommit(1, put{"a", "1", false})), 1, 2)
	again := newCommit(1, put{"a", "1", false})
	again.Resent, again.ResentFrom = true, 1
	// The round after the leader's:
	f.log.OnAppend = func([]byte) (int, error) { return 0, fault.New(fault.DiskFull, "no space") }
	results := f.round(again, newCommit(2, put{"b", "2", false}))
	f.want(results[0], 1, 2)
	if results[0].Head != f.Head() {
		t.Errorf("answered with head %s, want %s", results[0].Head, f.Head())
	}
	f.refuse(results[1], fault.DiskFull)
}

func TestProofsOfTheChain(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	for i := range byte(10) {
		f.do(newCommit(i, put{"k", fmt.Sprint(i), false}))
	}
	head, leaves := f.Head(), f.leaves()
	for seq := range head.Size {
		proof, err := f.ProveInclusion(ctx, event.Seq(seq), head.Size)
		if err != nil || merkle.CheckInclusion(proof, head, seq, leaves[seq]) != nil {
			t.Errorf("event %d: %v", seq, err)
		}
		older := merkle.Head{Size: seq, Root: naiveRoot(leaves[:seq])}
		proof, err = f.ProveConsistency(ctx, seq, head.Size)
		if err != nil || merkle.CheckConsistency(proof, older, head) != nil {
			t.Errorf("from size %d: %v", seq, err)
		}
	}
	if got, err := f.Leaves(ctx, 3, 5); err != nil || !slices.Equal(got, leaves[3:8]) {
		t.Errorf("leaves %v, %v", got, err)
	}
	if got, err := f.Leaves(ctx, event.Seq(head.Size), 0); err != nil || len(got) != 0 {
		t.Errorf("no leaves: %v, %v", got, err)
	}
	for name, ask := range map[string]func() error{
		"leaves past the end":          func() error { _, err := f.Leaves(ctx, 3, 9); return err },
		"leaves from past the end":     func() error { _, err := f.Leaves(ctx, 12, 1); return err },
		"leaves whose end overflows":   func() error { _, err := f.Leaves(ctx, 1<<64-1, 2); return err },
		"event past the head":          func() error { _, err := f.ProveInclusion(ctx, 5, 5); return err },
		"head past the chain":          func() error { _, err := f.ProveInclusion(ctx, 5, 12); return err },
		"head far past the chain":      func() error { _, err := f.ProveInclusion(ctx, 5, 1<<63); return err },
		"consistency past the chain":   func() error { _, err := f.ProveConsistency(ctx, 5, 12); return err },
		"consistency going back":       func() error { _, err := f.ProveConsistency(ctx, 6, 5); return err },
		"consistency from far forward": func() error { _, err := f.ProveConsistency(ctx, 1<<63, 5); return err },
	} {
		if err := ask(); !fault.Is(err, fault.BadRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHeadAfterOpening opens chains that end before, at and after the end of a
// bundle of leaf hashes, with a snapshot of every age, and of none.
func TestHeadAfterOpening(t *testing.T) {
	for _, snapshotAt := range []int{-1, 1, 3, 4} {
		f := newFixture(t)
		leaves := f.leaves()
		for i, n := range []int{4094, 1, 1, 100} { // 4095, 4096, 4097 and 4197 events
			if i == snapshotAt {
				f.save()
			}
			c := bulk(byte(i), n)
			if r := f.do(c); r.Err != nil {
				t.Fatal(r.Err)
			}
			leaves = append(leaves, leavesOf(f, c.Count, c.Frames)...)
			f.open()
			if got, want := f.Head(), (merkle.Head{Size: uint64(len(leaves)), Root: merkle.Root(leaves)}); got != want {
				t.Errorf("%d events, snapshot at %d: the head is %s, want %s", len(leaves), snapshotAt, got, want)
			}
		}
		if snapshotAt == 4 {
			f.save()
		}
		f.open()
		if f.wantHead(leaves); f.Objects() != 4197 || f.Next() != 4197 {
			t.Errorf("%d objects, next is %d", f.Objects(), f.Next())
		}
		f.want(f.do(newCommit(1, put{"k", "v", false})), 4197, 4198)
	}
}

// TestGapsOfCompaction opens chains that lost events: the root stays what it
// was, from bundles alone and with a snapshot.
func TestGapsOfCompaction(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		f := newFixture(t)
		f.do(bulk(1, 5000))
		f.do(bulk(2, 3500))
		if err := f.merkle.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if snapshot {
			f.save()
		}
		f.do(newCommit(3, put{"last", "v", false}))
		leaves, log, head := f.leaves(), f.log, f.Head()
		f.wantHead(leaves)
		for name, dropped := range map[string]func(event.Seq) bool{
			"the first after the genesis":  func(s event.Seq) bool { return s == 1 },
			"every second":                 func(s event.Seq) bool { return s%2 == 1 && s < 8000 },
			"a whole bundle and more":      func(s event.Seq) bool { return s >= 4000 && s < 8190 },
			"the end of what bundles hold": func(s event.Seq) bool { return s >= 8000 && s < 8192 },
		} {
			f.log = log.Copy()
			if err := f.log.DropIf(dropped); err != nil {
				t.Fatal(err)
			}
			f.open()
			if f.Head() != head {
				t.Errorf("%s: the head is %s, want %s", name, f.Head(), head)
			}
			if got, err := f.Leaves(t.Context(), 3990, 4200); err != nil || !slices.Equal(got, leaves[3990:8190]) {
				t.Errorf("%s: leaves that were dropped: %v", name, err)
			}
			f.want(f.do(newCommit(4, put{"k", "v", false})), 8502, 8503)
		}
	}
}

// TestMissingBundle has the events named whose leaf hashes cannot be found.
func TestMissingBundle(t *testing.T) {
	for name, c := range map[string]struct {
		bundle []byte
		want   string
	}{
		"missing": {nil, "events 4090 to 4099"},
		"short":   {make([]byte, 100), "events 4090 to 4099"},
	} {
		f := newFixture(t)
		f.do(bulk(1, 5000))
		f.do(bulk(2, 5000))
		if err := f.merkle.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := f.log.DropIf(func(s event.Seq) bool { return s >= 4090 && s < 4100 }); err != nil {
			t.Fatal(err)
		}
		if err := f.log.PutBlob(t.Context(), bundleName(0), c.bundle); err != nil {
			t.Fatal(err)
		}
		if err := f.tryOpen(); !fault.Is(err, fault.Damaged) || !containsString(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSeqsAreNotUsedAgain drops the newest event: its seq stays used.
func TestSeqsAreNotUsedAgain(t *testing.T) {
	f := newFixture(t)
	f.do(newCommit(1, put{"a", "v", false}))
	f.do(newCommit(2, put{"b", "v", false}))
	leaves := f.leaves()
	f.save()
	if err := f.log.DropIf(func(s event.Seq) bool { return s == 2 }); err != nil {
		t.Fatal(err)
	}
	f.open()
	f.wantHead(leaves)
	f.want(f.do(newCommit(3, put{"c", "v", false})), 3, 4)
	// Without the snapshot, nobody knows the leaf hash any more.
	if err := f.log.PutBlob(t.Context(), snapshotBlob, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.tryOpen(); !fault.Is(err, fault.Damaged) || !containsString(err, "events 2 to 2") {
		t.Errorf("opened: %v", err)
	}
}

// TestLogThatEndsEarly has a log say that it holds more than it does.
func TestLogThatEndsEarly(t *testing.T) {
	f := newFixture(t)
	f.do(newCommit(1, put{"a", "v", false}))
	f.do(newCommit(2, put{"b", "v", false}))
	if err := f.log.DropIf(func(s event.Seq) bool { return s == 2 }); err != nil {
		t.Fatal(err)
	}
	if err := f.tryOpen(); !fault.Is(err, fault.Damaged) {
		t.Errorf("opened: %v", err)
	}
}

// TestResentAfterCompaction has a commit of which little is left known where it
// stood, by the chain's memory and from the log.
func TestResentAfterCompaction(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		f := newFixture(t)
		f.do(bulk(1, 10))
		f.do(bulk(2, 5000))
		if err := f.merkle.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if snapshot {
			f.save()
		}
		if err := f.log.DropIf(func(s event.Seq) bool { return s == 1 || s == 2 || s == 5 }); err != nil {
			t.Fatal(err)
		}
		f.open()
		again := bulk(1, 10)
		again.Resent, again.ResentFrom = true, 1
		f.want(f.do(again), 1, 11)
	}
}

// TestResentFromBeforeTheSnapshot has a commit looked for in the log that the
// chain knew nothing of since it was opened.
func TestResentFromBeforeTheSnapshot(t *testing.T) {
	f := newFixture(t)
	f.want(f.do(newCommit(1, put{"a", "v", false})), 1, 2)
	f.want(f.do(newCommit(2, put{"b", "v", false})), 2, 3)
	f.save()
	f.want(f.do(newCommit(3, put{"c", "v", false})), 3, 4)
	f.open()
	resent := func(id byte, key string) *Commit {
		c := newCommit(id, put{key, "v", false})
		c.Resent, c.ResentFrom = true, 2
		return c
	}
	results := f.round(resent(2, "b"), resent(3, "c"), resent(4, "d"), resent(4, "d"))
	f.want(results[0], 2, 3)
	f.want(results[1], 3, 4)
	f.want(results[2], 5, 6)
	f.want(results[3], 5, 6)
	if n := len(f.stored()); n != 6 {
		t.Errorf("%d events are stored, want 6", n)
	}
}

// TestHopelessResendSpoilsNothing has a commit refused that was first sent too
// long ago. Others of the round are looked for.
func TestHopelessResendSpoilsNothing(t *testing.T) {
	f := newFixture(t)
	f.recent.from = resendHorizon + 100
	resent := func(id byte, from event.Seq) *Commit {
		c := newCommit(id, put{"k", "v", false})
		c.Resent, c.ResentFrom = true, from
		return c
	}
	var searched []event.Seq
	f.log.OnRead = func(from event.Seq, _ bool) { searched = append(searched, from) }
	results := f.round(resent(1, 99), resent(2, resendHorizon+50), resent(3, resendHorizon+200))
	f.refuse(results[0], fault.Expired)
	f.want(results[1], 2, 3)
	f.want(results[2], 3, 4)
	if !slices.Equal(searched, []event.Seq{resendHorizon + 50}) {
		t.Errorf("read from %d", searched)
	}
}

// TestSearchThatFails has resent commits refused while the log cannot be read,
// except those that the chain knows.
func TestSearchThatFails(t *testing.T) {
	f := newFixture(t)
	f.want(f.do(newCommit(1, put{"a", "v", false})), 1, 2)
	f.save()
	f.open()
	f.want(f.do(newCommit(2, put{"b", "v", false})), 2, 3)
	again := func(id byte, from event.Seq) *Commit {
		c := newCommit(id, put{"a", "v", false})
		c.Resent, c.ResentFrom = true, from
		return c
	}
	f.log.ReadErr = fault.New(fault.Damaged, "a bad sector")
	results := f.round(again(1, 1), again(2, 1), again(3, 2))
	f.refuse(results[0], fault.Damaged)
	f.want(results[1], 2, 3)
	f.want(results[2], 4, 5)
	f.log.ReadErr = nil
	f.want(f.do(again(1, 1)), 1, 2)
}

func TestLoadOfDroppedEvents(t *testing.T) {
	f := newFixture(t)
	f.do(bulk(1, 5000))
	if err := f.merkle.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := f.log.DropIf(func(s event.Seq) bool { return s == 7 }); err != nil {
		t.Fatal(err)
	}
	f.open()
	records, err := f.AppendEvents(t.Context(), nil, []event.Seq{6, 7, 8}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var seqs []event.Seq
	for b := range event.Records(records) {
		seqs = append(seqs, b.First)
	}
	if !slices.Equal(seqs, []event.Seq{6, 8}) {
		t.Errorf("loaded %v", seqs)
	}
}
