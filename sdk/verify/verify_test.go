package verify

import (
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// TestGood: good logs verify, with the data and without, and are counted.
func TestGood(t *testing.T) {
	for name, w := range map[string]*world{
		"with data":    basic(t),
		"without data": basic(t).omit(),
	} {
		l, err := w.verify(w.present())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, want := l.Counts(), (Counts{Events: 8, Batches: 6, Seals: 5}); got != want {
			t.Errorf("%s: counted %+v, want %+v", name, got, want)
		}
		if seq, ok := l.Newest([]byte("a")); !ok || seq != 7 || l.Next() != 8 || l.Head() != w.present() {
			t.Errorf("%s: the newest of a is %d, the next %d, the head %s", name, seq, l.Next(), l.Head())
		}
		for seq := range event.Seq(8) {
			if leaf, err := l.Leaf(t.Context(), seq); err != nil || leaf != w.leaves[seq] || l.Dropped(seq) {
				t.Errorf("%s: event %d has leaf hash %s, %v", name, seq, leaf, err)
			}
		}
	}
}

// TestCompacted: logs from which honest compaction took events verify, wherever
// the gap is, and what is gone does not count as verified.
func TestCompacted(t *testing.T) {
	for name, test := range map[string]struct {
		drop  []event.Seq
		seals uint64
	}{
		"nothing":                          {nil, 5},
		"a commit":                         {[]event.Seq{2}, 4},
		"the start of a commit":            {[]event.Seq{3}, 5},
		"the end of a commit":              {[]event.Seq{5}, 5},
		"before and in a commit":           {[]event.Seq{2, 3}, 4},
		"in the midst, two parts":          {[]event.Seq{9}, 5},
		"a commit in three parts":          {[]event.Seq{9, 11}, 5 + 2},
		"a commit in three parts, no ends": {[]event.Seq{8, 10, 12}, 5 + 1},
		"the last ones":                    {[]event.Seq{12, 13}, 5},
		"all that may":                     {[]event.Seq{2, 3, 5, 7, 8, 9, 10, 11, 12}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			w := basic(t).put(joe, val("a", "8"), val("a", "9"), val("a", "10"), val("a", "11"), val("a", "12")).put(joe, val("a", "13"))
			w.drop(test.drop...)
			l, err := w.verify(w.present())
			if err != nil {
				t.Fatal(err)
			}
			gone := 0
			for seq := range event.Seq(len(w.leaves)) {
				if l.Dropped(seq) {
					gone++
				}
			}
			for _, seq := range test.drop {
				if !l.Dropped(seq) {
					t.Errorf("event %d is gone and counts as verified", seq)
				}
			}
			if c := l.Counts(); gone != len(test.drop) || c.Dropped != uint64(gone) || c.Events != uint64(len(w.leaves)-gone) {
				t.Errorf("%d events are gone, and counted were %+v", gone, c)
			}
		})
	}
}

// TestLongGap: a gap over several bundles of leaf hashes verifies.
func TestLongGap(t *testing.T) {
	w := newWorld(t, event.Distributed)
	many := make([]ev, event.MaxBatchEvents)
	for i := range many {
		many[i] = val("a", "x")
	}
	w.put(root, many...).put(root, val("a", "last"))
	var gone []event.Seq
	for seq := range event.Seq(event.MaxBatchEvents) {
		gone = append(gone, seq+1)
	}
	w.drop(gone...)
	if l, err := w.verify(w.present()); err != nil || len(l.gaps) != 1 {
		t.Errorf("got %v, with %d gaps", err, len(l.gaps))
	}
}

// TestCentralized: without seals the hashes and the root are checked, and
// nothing of who wrote an event.
func TestCentralized(t *testing.T) {
	good := func() *world {
		return newWorld(t, event.Centralized).put(nil, val("a", "1")).put(nil, val("a", "2"), val("b", "3"))
	}
	w := good()
	if l, err := w.verify(w.present()); err != nil || l.Counts().Seals != 0 {
		t.Errorf("a good log: %v", err)
	}
	if _, err := w.drop(1).verify(w.present()); err != nil {
		t.Errorf("a compacted log: %v", err)
	}
	w = good()
	w.batches[0].Frames = w.make(nil, val("a", "forged")).Frames
	_, err := w.verify(w.present())
	wantFault(t, err, fault.Forked, "the head said of it is 4:")
}

// TestKeys: a key that seals is known if the genesis, an event before, or the
// batch itself introduces it.
func TestKeys(t *testing.T) {
	everyone := val("open", "")
	everyone.Write = event.WriteAuthority{Kind: event.WriteEveryone}
	for name, w := range map[string]*world{
		"by an earlier event": newWorld(t, event.Distributed).put(root, introducing(everyone, joe)).put(joe, val("open", "1")),
		"in the same batch":   newWorld(t, event.Distributed).put(root, everyone).put(joe, val("open", "0"), introducing(val("open", "1"), joe)),
		"by itself, twice":    newWorld(t, event.Distributed).put(root, everyone).put(joe, introducing(val("open", "1"), joe)).put(joe, introducing(val("open", "2"), joe)),
	} {
		if _, err := w.verify(w.present()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := newWorld(t, event.Distributed).put(root, everyone).put(joe, val("open", "1"))
	_, err := w.verify(w.present())
	wantFault(t, err, fault.UnknownKey, "the batch of event 2: no event introduced the key")
}

// TestGenesis: only a record of event 0 alone begins a log.
func TestGenesis(t *testing.T) {
	w := basic(t)
	b, _, err := event.CutRecord(w.genesis)
	if err != nil {
		t.Fatal(err)
	}
	two, moved := b, b
	two.Count, two.Frames = 2, append(b.Frames[:len(b.Frames):len(b.Frames)], w.batches[0].Frames...)
	moved.First = 5
	for attack, record := range map[string][]byte{
		"truncated":             w.genesis[:20],
		"empty":                 nil,
		"an event hidden in it": two.AppendRecord(nil),
		"elsewhere":             moved.AppendRecord(nil),
		"something after it":    append(append([]byte(nil), w.genesis...), 1),
		"another event":         w.batches[0].AppendRecord(nil),
	} {
		if _, err := New(record, w.give); !fault.Is(err, fault.Damaged) {
			t.Errorf("%s: %v", attack, err)
		}
	}
}
