package chain

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// oldFixture is a chain whose clock the test sets: an hour passes before each
// compaction.
func oldFixture(t *testing.T) *fixture {
	f := newFixture(t)
	f.setClock(time.Now())
	return f
}

func (f *fixture) setClock(at time.Time) { f.now = func() time.Time { return at } }

// fill commits new objects until the next event is at or beyond a seq.
func (f *fixture) fill(to event.Seq) {
	f.t.Helper()
	if n := to - f.Next(); n > 0 {
		if r := f.do(bulk(byte(200+f.Next()%50), int(n))); r.Err != nil {
			f.t.Fatal(r.Err)
		}
	}
}

// compact compacts an hour later.
func (f *fixture) compact(plans ...plan) Compacted {
	f.t.Helper()
	c, err := f.tryCompact(f.t.Context(), plans...)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func (f *fixture) tryCompact(ctx context.Context, plans ...plan) (Compacted, error) {
	f.setClock(f.now().Add(time.Hour))
	o := Compaction{TombstoneAge: time.Minute}
	for i, p := range plans {
		o.Strategies = append(o.Strategies, Strategy{Name: fmt.Sprint("strategy ", i), Strategy: p})
	}
	return f.Compact(ctx, o)
}

// missing returns the seqs below another one that are not stored.
func (f *fixture) missing(below event.Seq) (seqs []event.Seq) {
	stored := f.stored()
	for seq := range below {
		if _, ok := stored[seq]; !ok {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

func (f *fixture) wantMissing(want ...event.Seq) {
	f.t.Helper()
	if got := f.missing(f.Next()); !slices.Equal(got, want) {
		f.t.Fatalf("dropped are %d, want %d", got, want)
	}
}

// TestCompact has superseded values go for good while all else stays as it was,
// also when the chain is opened from what is left.
func TestCompact(t *testing.T) {
	f := oldFixture(t)
	for i := range byte(4) {
		f.do(newCommit(i, put{"a", fmt.Sprint(i), false}))
	}
	f.fill(5000)
	f.do(newCommit(9, put{"b", "1", false}, put{"b", "2", false}))
	head, leaves, began := f.Head(), f.leaves(), f.now()
	c := f.compact(everywhere(compaction.ForceDrop), everywhere(compaction.Silent), everywhere(compaction.Drop))
	f.wantMissing(1, 2, 3, 5000)
	if c.Examined != 5001 || c.Dropped != 4 || c.After != f.log.State().Bytes {
		t.Errorf("%+v", c)
	}
	live := uint64(5000 - 4) // all that was looked at but genesis, three versions of a and one of b
	if want := []Overruled{{"strategy 0", live}, {"strategy 2", live}}; !slices.Equal(c.Overruled, want) {
		t.Errorf("overruled: %v, want %v", c.Overruled, want)
	}
	if got := f.Compactions(); got.Dropped != 5001 || !got.Time.Equal(began.Add(time.Hour)) {
		t.Errorf("%+v", got)
	}
	for range 2 {
		if root, err := f.merkle.RootAt(t.Context(), head.Size); err != nil || root != head.Root {
			t.Errorf("the root at %d is another one (%v)", head.Size, err)
		}
		if got, err := f.Leaves(t.Context(), 0, len(leaves)); err != nil || !slices.Equal(got, leaves) {
			t.Errorf("the leaf hashes are others (%v)", err)
		}
		proof, err := f.ProveInclusion(t.Context(), 4, head.Size)
		if err != nil || merkle.CheckInclusion(proof, head, 4, leaves[4]) != nil {
			t.Errorf("event 4: %v", err)
		}
		f.verify()
		before := f.Compactions()
		f.open()
		if got := f.Compactions(); got.Dropped != before.Dropped || got.Time.UnixMicro() != before.Time.UnixMicro() || got.Bytes != before.Bytes {
			t.Errorf("noted is %+v, and after opening %+v", before, got)
		}
	}
}

// TestLastBundle compacts chains around the end of a bundle of leaf hashes. The
// last event stays.
func TestLastBundle(t *testing.T) {
	for _, size := range []event.Seq{3, 4095, 4096, 4097, 8192, 8193} {
		f := oldFixture(t)
		for f.Next() < size {
			n := min(size-f.Next(), 500)
			f.do(newCommit(byte(f.Next()/500), slices.Repeat([]put{{"a", "v", false}}, int(n))...))
		}
		head := f.Head()
		f.compact(everywhere(compaction.ForceDrop))
		if got, want := len(f.missing(size)), int(size-2); got != want {
			t.Errorf("%d events: %d are dropped, want %d", size, got, want)
		}
		f.open()
		if root, err := f.merkle.RootAt(t.Context(), head.Size); err != nil || root != head.Root {
			t.Errorf("%d events: the root is another one (%v)", size, err)
		}
		f.verify()
		f.fill(size + 5000) // the bundle is stored again, when it is full
		f.compact(everywhere(compaction.ForceDrop))
		f.open()
		f.verify()
	}
}

// TestSealsAreTakenAfterCompaction compacts a chain of distributed trust that
// ends, with a bundle, in a tombstone that nobody needs: opened again, it still
// takes commits, which it would not if the log ended with a gap.
func TestSealsAreTakenAfterCompaction(t *testing.T) {
	owner := newSigner()
	f, _ := newDistributed(t, owner)
	f.setClock(time.Now())
	do := func(c *Commit) {
		t.Helper()
		if r := f.do(owner.seal(f, f.Head(), c)); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	do(bulk(1, merkle.BundleSize-2))
	do(newCommit(2, put{"never there", "", true}))
	f.compact(everywhere(compaction.ForceDrop))
	f.setClock(f.now().Add(time.Hour))
	f.open()
	do(newCommit(3, put{"a", "v", false}))
	f.compact(everywhere(compaction.ForceDrop))
	f.wantMissing(merkle.BundleSize - 1)
	f.open()
	do(newCommit(4, put{"a", "v", false}))
	f.verify()
}

// TestTombstonesThatASnapshotHasNotSeen compacts twice after an object ended that
// is in the snapshot: opened from that, the chain does not have it again. When a
// snapshot has seen the end, the tombstone goes.
func TestTombstonesThatASnapshotHasNotSeen(t *testing.T) {
	f := oldFixture(t)
	f.do(newCommit(1, put{"a", "v", false}))
	f.save()
	f.do(newCommit(2, put{"a", "", true}))
	f.fill(5000)
	open := func() {
		t.Helper()
		now := f.now()
		f.open()
		f.setClock(now)
		if len(f.Newest([][]byte{[]byte("a")})) > 0 {
			t.Fatal("the object lives again")
		}
	}
	f.compact(everywhere(compaction.ForceDrop))
	f.wantMissing(1)
	for range 2 {
		f.compact(everywhere(compaction.ForceDrop))
		f.wantMissing(1)
		open()
	}
	f.save()
	f.compact(everywhere(compaction.ForceDrop))
	f.wantMissing(1, 2)
	open()
}

// TestTombstonesDuringASave compacts while the first snapshot, from before an
// object ended, is being written.
func TestTombstonesDuringASave(t *testing.T) {
	f := oldFixture(t)
	f.do(newCommit(1, put{"a", "v", false}))
	body := f.snapshot(2)
	f.do(newCommit(2, put{"a", "", true}))
	f.fill(5000)
	f.compact(everywhere(compaction.ForceDrop))
	f.compact(everywhere(compaction.ForceDrop))
	if err := f.Chain.save(t.Context(), 2, body); err != nil {
		t.Fatal(err)
	}
	f.open()
	if len(f.Newest([][]byte{[]byte("a")})) > 0 {
		t.Error("the object lives again")
	}
}

// TestTombstonesBesideABadSnapshot has tombstones stay while it is not known what
// the stored snapshot has, and go where there is none.
func TestTombstonesBesideABadSnapshot(t *testing.T) {
	for _, bad := range []bool{false, true} {
		f := oldFixture(t)
		f.do(newCommit(1, put{"never there", "", true}))
		f.fill(5000)
		if bad {
			f.putBlob(snapshotBlob, []byte("what is this?"))
			f.onProblem = func(error) {}
		}
		now := f.now()
		f.open()
		f.setClock(now)
		f.compact(everywhere(compaction.ForceDrop))
		if got := len(f.missing(5000)); got != 1 && !bad || got != 0 && bad {
			t.Errorf("bad snapshot %t: %d dropped", bad, got)
		}
	}
}

// TestMoreHeadersThanAReadHas compacts a chain of more headers than are read at
// once: each event is seen as it is.
func TestMoreHeadersThanAReadHas(t *testing.T) {
	f := oldFixture(t)
	const n = 5000
	for i := range n / 500 {
		c := &Commit{ID: event.CommitID{byte(i)}}
		for k := range 500 {
			c.add(&event.Header{Key: fmt.Appendf(nil, "object %d", 500*i+k), Type: strings.Repeat("x", 2*replayChunk/n)}, "v")
		}
		f.do(c)
	}
	want := event.Seq(n)
	f.compact(func(_ context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
		all := make([]compaction.Event, 0, n)
		for e, err := range events {
			if err != nil {
				return err
			}
			cast(e.Seq, compaction.ForceDrop)
			all = append(all, e)
		}
		for _, e := range all[:n] {
			if e.Seq != want || string(e.Header.Key) != fmt.Sprintf("object %d", want-1) || !bytes.Contains(e.Encoded, e.Header.Key) {
				t.Fatalf("event %d is %+v, want that of object %d", e.Seq, e, want-1)
			}
			want--
		}
		return nil
	})
	f.wantMissing()
}

// TestCommitsOfUnknownSigners drops the middle of a commit that introduces its
// signer at the end: who verifies what is left still knows the signer.
func TestCommitsOfUnknownSigners(t *testing.T) {
	owner, joe := newSigner(), newSigner()
	f, _ := newDistributed(t, owner)
	f.setClock(time.Now())
	open := event.Header{Key: []byte("open"), Write: event.WriteAuthority{Kind: event.WriteEveryone}}
	f.do(owner.seal(f, f.Head(), withHeader(1, open, "")))
	child := func(key string, keys ...[]byte) *Commit {
		return withHeader(0, event.Header{Key: []byte(key), Parent: event.Parent{Key: []byte("open")}, Keys: keys}, "v")
	}
	plain := newCommit(0, put{"open", "by joe", false})
	f.want(f.do(joe.seal(f, f.Head(), join(2, child("a"), plain, child("b", joe.key.Public().Bytes()), plain, plain))), 2, 7)
	f.do(owner.seal(f, f.Head(), bulk(3, 5000)))
	f.compact(everywhere(compaction.ForceDrop))
	f.wantMissing(5)
	f.verify()
}

// TestKeyIntroducedByEveryCommit has a writer introduce himself again and again, as
// one does who connects for each commit: his first event has to stay, and no other.
func TestKeyIntroducedByEveryCommit(t *testing.T) {
	owner := newSigner()
	f, _ := newDistributed(t, owner)
	f.setClock(time.Now())
	f.do(owner.seal(f, f.Head(), withHeader(1, event.Header{Key: []byte("open"), Write: event.WriteAuthority{Kind: event.WriteEveryone}}, "")))
	for i := range byte(10) {
		joe := newSigner()
		for version := range byte(3) {
			h := event.Header{Key: []byte("a"), Parent: event.Parent{}, Keys: [][]byte{joe.key.Public().Bytes()}}
			if i == 0 && version == 0 {
				h.Parent.Key = []byte("open")
			}
			f.do(joe.seal(f, f.Head(), withHeader(10*i+version+2, h, "v")))
		}
	}
	f.do(owner.seal(f, f.Head(), bulk(200, 10)))
	f.compact(everywhere(compaction.ForceDrop))
	var dropped []event.Seq
	for i := range event.Seq(10) {
		dropped = append(dropped, 3*i+3, 3*i+4)
	}
	f.wantMissing(dropped[:len(dropped)-1]...)
	f.verify()
}

// TestMoveToAnOlderGeneration moves an object under one whose data key has a later
// generation than its own from then on: an object that exists may, one that is
// made may not.
func TestMoveToAnOlderGeneration(t *testing.T) {
	owner := newSigner()
	f, _ := newDistributed(t, owner)
	f.setClock(time.Now())
	read := func(generation uint32) event.ReadAuthority {
		return event.ReadAuthority{Kind: event.ReadByKey, Key: event.Hash{7}, Generation: generation}
	}
	f.do(owner.seal(f, f.Head(), withHeader(1, event.Header{Key: []byte("p"), Read: read(2)}, "")))
	for i := range byte(2) {
		f.do(owner.seal(f, f.Head(), newCommit(2+i, put{"a", "v", false})))
	}
	move := withHeader(4, event.Header{Key: []byte("a"), Parent: event.Parent{Key: []byte("p")}, Read: read(1)}, "")
	f.want(f.do(owner.seal(f, f.Head(), move)), 4, 5)
	f.do(owner.seal(f, f.Head(), bulk(5, 5000)))
	f.compact(everywhere(compaction.ForceDrop))
	f.wantMissing(3)
	f.verify()
}

// TestPace tells of the bytes that were read, and lets its error end the
// compaction.
func TestPace(t *testing.T) {
	f := oldFixture(t)
	f.do(newCommit(1, put{"a", "1", false}, put{"a", "2", false}))
	f.fill(5000)
	f.setClock(f.now().Add(time.Hour))
	told, busy := 0, error(nil)
	o := Compaction{
		Strategies: []Strategy{{Name: "all", Strategy: everywhere(compaction.Drop)}},
		Pace:       func(_ context.Context, bytes int) error { told += bytes; return busy },
	}
	busy = fault.New(fault.Overloaded, "not now")
	if _, err := f.Compact(t.Context(), o); !fault.Is(err, fault.Overloaded) {
		t.Errorf("got %v", err)
	}
	f.wantMissing()
	told, busy = 0, nil
	if _, err := f.Compact(t.Context(), o); err != nil || told < 5000 {
		t.Errorf("told of %d bytes; %v", told, err)
	}
	f.wantMissing(1)
}

// TestCommitsDuringACompaction has what is committed meanwhile stay, whatever it
// makes of what was there before.
func TestCommitsDuringACompaction(t *testing.T) {
	f := oldFixture(t)
	f.do(newCommit(1, put{"a", "1", false}, put{"a", "2", false}, put{"b", "1", false}))
	f.fill(5000)
	f.compact(func(ctx context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
		f.want(f.do(newCommit(2, put{"a", "3", false}, put{"b", "", true})), 5000, 5002)
		return everywhere(compaction.ForceDrop)(ctx, events, cast)
	})
	f.wantMissing(1)
	f.open()
	if got := f.Newest([][]byte{[]byte("a"), []byte("b")}); !slices.Equal(got, []event.Seq{5000}) {
		t.Errorf("newest are %d", got)
	}
}
