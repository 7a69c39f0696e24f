package verify

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// TestAttacks: a server that changes a log in one of these ways, and serves leaf
// hashes and a head that fit, is found out at that very place.
func TestAttacks(t *testing.T) {
	for attack, test := range map[string]struct {
		lie  func(*world)
		code fault.Code
		says string
	}{
		"forged event": {func(w *world) {
			w.reframe(1, w.make(nil, val("a", "forged")))
		}, fault.BadSeal, "the batch of event 2: the seal is of other events"},
		"changed header": {func(w *world) {
			w.reframe(3, w.make(nil, val("B", "6")))
		}, fault.BadSeal, "the batch of event 6: the seal is of other events"},
		"changed hash of omitted data": {func(w *world) {
			w.omit()
			b := &w.batches[3]
			b.Frames = slices.Clone(b.Frames)
			b.Frames[len(b.Frames)-1] ^= 1
		}, fault.BadSeal, "the batch of event 6: the seal is of other events"},
		"changed length of omitted data": {func(w *world) {
			w.omit()
			b := &w.batches[3]
			b.Frames = slices.Clone(b.Frames)
			b.Frames[4] ^= 2
		}, fault.BadSeal, "the batch of event 6: the seal is of other events"},
		"stripped seal": {func(w *world) { w.batches[1].Evidence = nil }, fault.BadSeal, "the batch of event 2: it has no seal"},
		"truncated seal": {func(w *world) {
			w.batches[1].Evidence = w.batches[1].Evidence[:1000]
		}, fault.BadSeal, "the batch of event 2: the seal has 1000 bytes"},
		"sealed by an outsider": {func(w *world) {
			w.put(outsider, introducing(val("a", "stolen"), outsider))
		}, fault.NotAuthorized, "event 8: "},
		"unknown key": {func(w *world) { w.put(outsider, val("a", "stolen")) }, fault.UnknownKey, "the batch of event 8: no event introduced the key"},
		"sealed by a revoked key": {func(w *world) {
			w.put(root, owned("a", root)).put(joe, val("a", "too late"))
		}, fault.NotAuthorized, "event 9: "},
		"a change moved behind a revocation": {func(w *world) {
			late := w.make(joe, val("a", "too late"))
			w.put(root, owned("a", root)).add(late)
		}, fault.NotAuthorized, "event 9: "},
		"seal over other leaves": {func(w *world) {
			w.batches[1].Evidence = w.batches[4].Evidence
		}, fault.BadSeal, "the batch of event 2: "},
		"reordered events of a batch": {func(w *world) {
			w.reframe(2, w.make(nil, under("a/1", "a"), val("a", "3"), val("a", "5")))
		}, fault.BadSeal, "the batch of event 3: the seal is of other events"},
		"event left out of a batch": {func(w *world) {
			w.reframe(2, w.make(nil, val("a", "3"), under("a/1", "a")))
		}, fault.BadSeal, "the batch of event 3: the leaf hashes of its commit are not those that were sealed"},
		"event left out of a batch, its commit's leaf hashes given": {func(w *world) {
			w.torn = map[event.Seq][]event.Hash{3: slices.Clone(w.leaves[3:6])}
			w.reframe(2, w.make(nil, val("a", "3"), under("a/1", "a")))
		}, fault.BadSeal, "the batch of event 5: the seal builds on a chain of 6 events"},
		"event added to a batch": {func(w *world) {
			w.reframe(1, w.make(nil, val("a", "2"), val("a", "more")))
		}, fault.BadSeal, "the batch of event 2: it has 2 events at offset 0 of its commit, and 1 were sealed"},
		"reordered batches": {func(w *world) {
			w.arrange(0, 2, 1, 3, 4)
		}, fault.BadSeal, "the batch of event 2: the seal builds on a chain of 3 events, and its batch would stand before them"},
		"reordered batches that saw the same head": {func(w *world) {
			head := w.present()
			w.head = &head
			x, y := w.make(joe, val("a", "x")), w.make(joe, val("a", "y"))
			w.add(y).add(x)
		}, fault.BadSeal, "the batch of event 9: the seal has number 4"},
		"replayed batch":          {func(w *world) { w.add(w.batches[1]) }, fault.BadSeal, "the batch of event 8: the seal has number 1"},
		"replayed batch, at once": {func(w *world) { w.add(w.batches[4]) }, fault.BadSeal, "the batch of event 8: the seal has number 3"},
		"replayed part of a commit": {func(w *world) {
			b := w.batches[2]
			b.Offset, b.Count = 2, 1
			b.Frames = w.make(nil, val("a", "5")).Frames
			w.add(b)
		}, fault.BadSeal, "the batch of event 8: "},
		"replayed as its own second part": {func(w *world) {
			twice := w.put(joe, val("a", "x"), val("a", "x")).batches[5]
			twice.Offset, twice.Count = 1, 1
			twice.Frames = w.make(nil, val("a", "x")).Frames
			w.add(twice)
		}, fault.BadSeal, "the batch of event 10: "},
		"replayed behind its own first part": {func(w *world) {
			w.put(joe, val("a", "x"), val("a", "y")).tear()
			w.add(w.batches[5])
		}, fault.BadSeal, "the batch of event 9: event 9 is not the one that was sealed there"},
		"batch moved from another chain": {func(w *world) {
			other := newWorld(t, event.Distributed)
			other.id, other.leaves = event.ChainID{9}, w.leaves
			w.add(other.make(root, val("b", "7")))
		}, fault.BadSeal, "the batch of event 8: "},
		"part of a commit with a wrong offset": {func(w *world) {
			w.drop(3)
			w.batches[2].Offset = 0
		}, fault.BadSeal, "the batch of event 4: "},
		"part of a commit with too large an offset": {func(w *world) {
			w.drop(3)
			w.batches[2].Offset = 2
			w.batches[2].First++
		}, fault.BadSeal, "the batch of event 5: it has 2 events at offset 2 of its commit, and 3 were sealed"},
		"part of a commit from before the chain": {func(w *world) {
			w.batches[0].Offset = 2
		}, fault.BadSeal, "the batch of event 1: it says that 2 events of its commit stood before it"},
		"part of a commit over the genesis": {func(w *world) {
			w.batches[0].Offset = 1
		}, fault.BadSeal, "the batch of event 1: the seal builds on a chain of 1 events"},
		"commit torn apart": {func(w *world) { // its last event is said to have been dropped, and others stand there
			w.put(joe, val("a", "8"), val("a", "9")).tear()
			w.put(joe, val("a", "10"))
		}, fault.BadSeal, "the batch of event 9: its seal builds on another history"},
		"commit torn apart by a gap": {func(w *world) {
			w.put(joe, val("a", "8"), val("a", "9")).tear()
			w.leaves = append(w.leaves, event.Hash{1})
			w.put(joe, val("a", "10"))
		}, fault.BadSeal, "event 9 is not the one that was sealed there, with event 8"},
		"commit cut off at the end": {func(w *world) {
			w.put(joe, val("a", "8"), val("a", "9")).tear()
		}, fault.Forked, "ends the chain within a commit, of which 1 events are missing"},
		"two parts of two commits of one number": {func(w *world) { // the signer helps
			x := w.make(joe, val("a", "x"), val("a", "y"))
			w.numbers[joe]--
			y := w.make(joe, val("a", "z"), val("a", "y"))
			w.add(x).tear()
			y.Offset, y.Count, y.Frames = 1, 1, w.make(nil, val("a", "y")).Frames
			w.add(y)
		}, fault.BadSeal, ""},
		"seal that builds on another history": {func(w *world) {
			w.head = &merkle.Head{Size: 5, Root: event.Hash{1}}
			w.put(joe, val("a", "x"))
		}, fault.BadSeal, "the batch of event 8: its seal builds on another history: "},
		"seal that builds on another present": {func(w *world) {
			w.head = &merkle.Head{Size: 8, Root: event.Hash{1}}
			w.put(joe, val("a", "x"))
		}, fault.BadSeal, "the batch of event 8: its seal builds on another history: "},
		"seal that builds on the future": {func(w *world) {
			w.head = &merkle.Head{Size: 9, Root: event.Hash{1}}
			w.put(joe, val("a", "x"))
		}, fault.BadSeal, "the batch of event 8: the seal builds on a chain of 9 events"},
		"dropped event with a wrong leaf hash": {func(w *world) { // joe saw another one
			w.drop(2)
			w.leaves[2] = event.Hash{1}
		}, fault.BadSeal, "the batch of event 3: its seal builds on another history: "},
		"self-authorising event": {func(w *world) {
			w.put(outsider, introducing(owned("b", outsider), outsider))
		}, fault.NotAuthorized, "event 8: "},
		"self-authorising, in two events": {func(w *world) {
			w.put(outsider, introducing(owned("b", outsider), outsider), val("b", "mine"))
		}, fault.NotAuthorized, "event 8: "},
		"an owner who shuts out the root": {func(w *world) {
			w.put(joe, owned("a", joe))
		}, fault.NotAuthorized, "event 8: "},
		"cyclic parents": {func(w *world) {
			w.put(root, under("b/1", "b")).put(root, under("b", "b/1"))
		}, fault.ParentCycle, "event 9: "},
		"orphan": {func(w *world) { w.put(root, under("x", "nowhere")) }, fault.NoParent, "event 8: "},
		"object ended over its children": {func(w *world) {
			w.put(joe, ev{event.Header{Key: []byte("a"), Tombstone: true}, ""})
		}, fault.HasChildren, "event 8: "},
		"new root key by an outsider": {func(w *world) {
			e := ev{event.Header{Key: []byte("\x00atedb/root")}, ""}
			e.Write = owned("", outsider).Write
			w.put(outsider, introducing(e, outsider))
		}, fault.NotAuthorized, "event 8: "},
		"same batch twice in place": {func(w *world) {
			w.batches = append(w.batches, w.batches[4])
		}, fault.Damaged, "event 7 comes after event 7"},
		"batch at the end of numbers": {func(w *world) {
			w.batches[4].First = 1<<64 - 1
		}, fault.Damaged, "cannot stand at event"},
	} {
		t.Run(attack, func(t *testing.T) {
			w := basic(t)
			test.lie(w)
			_, err := w.verify(w.present())
			wantFault(t, err, test.code, test.says)
		})
	}
}

// reframe replaces the events of a batch, and gives it leaf hashes that fit.
func (w *world) reframe(i int, by event.Batch) {
	w.batches[i].Count, w.batches[i].Frames = by.Count, by.Frames
	w.arrange(0, 1, 2, 3, 4)
}

// arrange puts the batches in another order.
func (w *world) arrange(order ...int) {
	batches := w.batches
	w.batches, w.leaves = nil, w.leaves[:1:1]
	for _, i := range order {
		w.add(batches[i])
	}
}

// TestWithheldBatch: batches kept back at the end do not show in the log, and
// show against any head that holds them.
func TestWithheldBatch(t *testing.T) {
	w := basic(t)
	head := w.present()
	w.batches, w.leaves = w.batches[:4], w.leaves[:7]
	if _, err := w.verify(head); !fault.Is(err, fault.BadRequest) {
		t.Errorf("got %v", err)
	}
}

// TestGapHidesOtherEvents: leaf hashes that stand for dropped events which never
// were show in the root.
func TestGapHidesOtherEvents(t *testing.T) {
	w := basic(t)
	head := w.present()
	w.drop(7)
	w.leaves[7] = event.Hash{1}
	_, err := w.verify(head)
	wantFault(t, err, fault.Forked, "the head said of it is "+head.String())
}

// TestLeavesThatLie: whatever comes in the place of leaf hashes is an error and
// no panic, and never shifts the events behind the gap.
func TestLeavesThatLie(t *testing.T) {
	broken := errors.New("the wire is cut")
	for attack, test := range map[string]struct {
		change func([]event.Hash) ([]event.Hash, error)
		code   fault.Code
		says   string
	}{
		"too few":  {func(h []event.Hash) ([]event.Hash, error) { return h[1:], nil }, fault.BadMessage, "leaf hashes came when"},
		"too many": {func(h []event.Hash) ([]event.Hash, error) { return append(h, event.Hash{}), nil }, fault.BadMessage, "leaf hashes came when"},
		"none":     {func([]event.Hash) ([]event.Hash, error) { return nil, nil }, fault.BadMessage, "0 leaf hashes came when"},
		"changed":  {func(h []event.Hash) ([]event.Hash, error) { h[0][0] ^= 1; return h, nil }, fault.BadSeal, ""},
		"error": {func([]event.Hash) ([]event.Hash, error) {
			return nil, fault.New(fault.Unavailable, "asking: %w", broken)
		}, fault.Unavailable, "the wire is cut"},
	} {
		for where, seqs := range map[string][]event.Seq{"gap": {2}, "part": {5}} {
			w := basic(t).drop(seqs...)
			_, err := w.verifyWith(w.present(), func(ctx context.Context, from event.Seq, count int) ([]event.Hash, error) {
				leaves, err := w.give(ctx, from, count)
				if err != nil {
					return nil, err
				}
				return test.change(leaves)
			})
			t.Run(attack+" for a "+where, func(t *testing.T) { wantFault(t, err, test.code, test.says) })
		}
	}
}

// TestTruncatedRecord: a batch whose frames end early, or go on, names the event.
func TestTruncatedRecord(t *testing.T) {
	for attack, change := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"goes on": func(b []byte) []byte { return append(slices.Clone(b), 0) },
	} {
		w := basic(t)
		w.batches[2].Frames = change(w.batches[2].Frames)
		_, err := w.verify(w.present())
		t.Run(attack, func(t *testing.T) { wantFault(t, err, fault.BadMessage, "event 5: ") })
	}
	l, err := New(basic(t).genesis, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, l.Add(t.Context(), &event.Batch{First: 1, Frames: []byte{1}}), fault.Damaged, "a batch of 0 events")
}

// TestNumbersAcrossKeys: a writer's name belongs to its key, so one key cannot
// use up the numbers of another.
func TestNumbersAcrossKeys(t *testing.T) {
	w := basic(t)
	b := w.make(nil, introducing(val("b", "x"), outsider))
	w.numbers[root] = 1 << 40
	w.seal(&b, root)
	w.add(b)
	b = w.make(nil, val("a", "y"))
	b.Evidence = evidence.SignSeal(joe, w.id, leavesOf(&b, w.id), evidence.Writer{7}, 4, w.present())
	w.add(b)
	if _, err := w.verify(w.present()); err != nil {
		t.Error(err)
	}
}
