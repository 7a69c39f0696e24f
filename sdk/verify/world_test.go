package verify

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

var (
	root     = testKey(1)
	joe      = testKey(2)
	outsider = testKey(3)
)

func testKey(n byte) *keys.SigningKey {
	key, err := keys.SigningKeyFromSeed(bytes.Repeat([]byte{n}, keys.SigningSeedSize))
	if err != nil {
		panic(err)
	}
	return key
}

// world is a chain as an honest server has it, and whatever a lying one makes
// of it.
type world struct {
	tb      testing.TB
	id      event.ChainID
	genesis []byte
	leaves  []event.Hash // of all events
	batches []event.Batch
	numbers map[*keys.SigningKey]uint64
	head    *merkle.Head               // to seal on, unless nil, which is the present one
	torn    map[event.Seq][]event.Hash // what is answered for the leaf hashes of a commit, in place of the tree's
}

func newWorld(tb testing.TB, trust event.Trust) *world {
	tb.Helper()
	g := event.NewGenesis("tests/chain", trust, [][]byte{root.Public().Bytes()})
	frame, id, err := g.Frame()
	if err != nil {
		tb.Fatal(err)
	}
	b := event.Batch{Count: 1, Frames: frame}
	w := &world{tb: tb, id: id, genesis: b.AppendRecord(nil), numbers: make(map[*keys.SigningKey]uint64)}
	w.leaves = leavesOf(&b, id)
	return w
}

func leavesOf(b *event.Batch, id event.ChainID) (leaves []event.Hash) {
	for f, err := range b.Events() {
		if err == nil {
			leaves = append(leaves, f.Leaf(id))
		}
	}
	return leaves
}

func (w *world) headAt(size int) merkle.Head {
	return merkle.Head{Size: uint64(size), Root: merkle.Root(w.leaves[:size])}
}

func (w *world) present() merkle.Head { return w.headAt(len(w.leaves)) }

// ev is an event to be made.
type ev struct {
	event.Header
	data string
}

func val(key, data string) ev { return ev{event.Header{Key: []byte(key)}, data} }

func under(key, parent string) ev {
	return ev{event.Header{Key: []byte(key), Parent: event.Parent{Key: []byte(parent)}}, "child"}
}

func owned(key string, owner *keys.SigningKey) ev {
	e := val(key, "owned")
	e.Write = event.WriteAuthority{Kind: event.WriteAnyOf, Keys: []event.Hash{owner.Public().ID()}}
	return e
}

func introducing(e ev, key *keys.SigningKey) ev {
	e.Keys = append(e.Keys, key.Public().Bytes())
	return e
}

// make returns the next batch, sealed by a key unless it is nil, and does not
// add it.
func (w *world) make(key *keys.SigningKey, events ...ev) event.Batch {
	w.tb.Helper()
	first := event.Seq(len(w.leaves))
	b := event.Batch{First: first, Commit: event.CommitID{byte(first), byte(first >> 8)}, Count: len(events)}
	for i := range events {
		header, err := events[i].Encode()
		if err != nil {
			w.tb.Fatal(err)
		}
		b.Frames = event.AppendFrame(b.Frames, header, []byte(events[i].data))
	}
	if key != nil {
		w.seal(&b, key)
	}
	return b
}

// seal gives a batch its key's next seal.
func (w *world) seal(b *event.Batch, key *keys.SigningKey) {
	w.numbers[key]++
	head := w.present()
	if w.head != nil {
		head = *w.head
	}
	b.Evidence = evidence.SignSeal(key, w.id, leavesOf(b, w.id), evidence.Writer{7}, w.numbers[key], head)
}

// add adds a batch, whether it may be there or not, at the chain's end.
func (w *world) add(b event.Batch) *world {
	b.First = event.Seq(len(w.leaves))
	w.leaves = append(w.leaves, leavesOf(&b, w.id)...)
	w.batches = append(w.batches, b)
	return w
}

func (w *world) put(key *keys.SigningKey, events ...ev) *world {
	w.tb.Helper()
	return w.add(w.make(key, events...))
}

// drop removes events as compaction does.
func (w *world) drop(seqs ...event.Seq) *world {
	var kept []event.Batch
	for _, b := range w.batches {
		run := b
		run.Count, run.Frames = 0, nil
		seq := b.First
		flush := func() {
			if run.Count > 0 {
				kept = append(kept, run)
			}
			run.Count, run.Frames = 0, nil
		}
		for f, err := range b.Events() {
			if err != nil {
				w.tb.Fatal(err)
			}
			if slices.Contains(seqs, seq) {
				flush()
			} else {
				if run.Count == 0 {
					run.First, run.Offset = seq, b.Offset+int(seq-b.First)
				}
				run.Count++
				run.Frames = f.Append(run.Frames)
			}
			seq++
		}
		flush()
	}
	w.batches = kept
	return w
}

// omit leaves out the data.
func (w *world) omit() *world {
	for i := range w.batches {
		b := &w.batches[i]
		var frames []byte
		for f, err := range b.Events() {
			if err != nil {
				w.tb.Fatal(err)
			}
			frames = f.Omit(frames)
		}
		b.Frames = frames
	}
	return w
}

// tear takes away the last event of the last commit, and goes on to give leaf
// hashes that fit its seal.
func (w *world) tear() *world {
	last := len(w.leaves) - 1
	first := w.batches[len(w.batches)-1].First
	w.torn = map[event.Seq][]event.Hash{first: slices.Clone(w.leaves[first:])}
	w.drop(event.Seq(last))
	w.leaves = w.leaves[:last]
	return w
}

// give is the Leaves of an honest server, and of one that tore a commit.
func (w *world) give(_ context.Context, from event.Seq, count int) ([]event.Hash, error) {
	if leaves := w.torn[from]; leaves != nil && len(leaves) == count {
		return leaves, nil
	}
	if int(from)+count > len(w.leaves) {
		return nil, fault.New(fault.BadRequest, "the chain has %d events", len(w.leaves))
	}
	return slices.Clone(w.leaves[from:][:count]), nil
}

// verify verifies the batches and compares the head.
func (w *world) verify(head merkle.Head) (*Log, error) { return w.verifyWith(head, w.give) }

func (w *world) verifyWith(head merkle.Head, leaves Leaves) (*Log, error) {
	ctx := w.tb.Context()
	l, err := New(w.genesis, leaves)
	if err != nil {
		return nil, err
	}
	for i := range w.batches {
		b, _, err := event.CutRecord(w.batches[i].AppendRecord(nil))
		if err != nil {
			return l, err
		}
		if err := l.Add(ctx, &b); err != nil {
			return l, err
		}
	}
	if uint64(l.Next()) < head.Size {
		if err := l.Skip(ctx, event.Seq(head.Size)); err != nil {
			return l, err
		}
	}
	return l, l.CheckHead(ctx, head)
}

// basic is a chain with joe's object in it:
//
//	1    root  makes a, owned by joe, and introduces him
//	2    joe   changes a
//	3-5  joe   changes a, makes a child, changes a
//	6    root  makes b
//	7    joe   changes a
func basic(tb testing.TB) *world {
	tb.Helper()
	return newWorld(tb, event.Distributed).
		put(root, introducing(owned("a", joe), joe)).
		put(joe, val("a", "2")).
		put(joe, val("a", "3"), under("a/1", "a"), val("a", "5")).
		put(root, val("b", "6")).
		put(joe, val("a", "7"))
}

func wantFault(tb testing.TB, err error, code fault.Code, says string) {
	tb.Helper()
	if !fault.Is(err, code) || !strings.Contains(fmt.Sprint(err), says) {
		tb.Errorf("got %v; want a %s fault that says %q", err, code, says)
	}
}
