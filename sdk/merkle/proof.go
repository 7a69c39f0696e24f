package merkle

import (
	"context"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// MaxProof is more hashes than any proof has.
const MaxProof = 64

// RootAt returns the root that the tree had when it had size leaves. A size that
// it has not reached is a bad_request fault.
func (t *Tree) RootAt(ctx context.Context, size uint64) (event.Hash, error) {
	r, err := t.reader(ctx, size)
	if err != nil {
		return event.Hash{}, err
	}
	root, err := tlog.TreeHash(int64(size), r)
	return event.Hash(root), err
}

// ProveInclusion returns the proof that the leaf at seq is in the tree of a
// size, for [CheckInclusion]. A seq that is not below size, or a size that the
// tree has not reached, is a bad_request fault.
func (t *Tree) ProveInclusion(ctx context.Context, seq, size uint64) ([]event.Hash, error) {
	r, err := t.reader(ctx, size)
	if err != nil {
		return nil, err
	}
	if seq >= size {
		return nil, fault.New(fault.BadRequest, "a proof was asked for that event %d is among the first %d, which it is not", seq, size)
	}
	proof, err := tlog.ProveRecord(int64(size), int64(seq), r)
	return ours(proof), err
}

// ProveConsistency returns the proof that the tree of size to continues that of
// size from, for [CheckConsistency]. It is empty if from is 0 or to. A from over
// to, or a to that the tree has not reached, is a bad_request fault.
func (t *Tree) ProveConsistency(ctx context.Context, from, to uint64) ([]event.Hash, error) {
	r, err := t.reader(ctx, to)
	if err != nil {
		return nil, err
	}
	if from > to {
		return nil, fault.New(fault.BadRequest, "a proof was asked for that the head of size %d continues the larger one of size %d", to, from)
	}
	if from == 0 {
		return nil, nil
	}
	proof, err := tlog.ProveTree(int64(to), int64(from), r)
	return ours(proof), err
}

func (t *Tree) reader(ctx context.Context, size uint64) (*reader, error) {
	r := &reader{view: t.snapshot(), ctx: ctx, cache: &t.cache}
	if size > r.size {
		return nil, fault.New(fault.BadRequest, "something was asked about the chain's first %d events; it has %d", size, r.size)
	}
	return r, nil
}

// CheckInclusion checks the proof that a leaf stands at seq in a head. One that
// does not hold is a forked fault.
func CheckInclusion(proof []event.Hash, head Head, seq uint64, leaf event.Hash) error {
	if head.Size > MaxSize || seq >= head.Size || len(proof) > MaxProof ||
		tlog.CheckRecord(theirs(proof), int64(head.Size), tlog.Hash(head.Root), int64(seq), tlog.Hash(leaf)) != nil {
		return fault.New(fault.Forked, "the server cannot show that event %d, with leaf hash %s, is in the chain's head %s: the event or the head is not the chain's", seq, leaf, head)
	}
	return nil
}

// CheckConsistency checks the proof that a head continues an older one. One that
// does not hold, and a newer head that is smaller, is a forked fault that names
// both.
func CheckConsistency(proof []event.Hash, older, newer Head) error {
	var ok bool
	switch {
	case newer.Size < older.Size:
		return fault.New(fault.Forked, "the chain had the head %s, and now has the smaller one %s: the server lost or withholds events", older, newer)
	case newer.Size > MaxSize || len(proof) > MaxProof:
	case newer.Size == older.Size:
		ok = len(proof) == 0 && newer == older
	case older.Size == 0:
		ok = len(proof) == 0 && older == EmptyHead()
	default:
		ok = tlog.CheckTree(theirs(proof), int64(newer.Size), tlog.Hash(newer.Root), int64(older.Size), tlog.Hash(older.Root)) == nil
	}
	if !ok {
		return fault.New(fault.Forked, "the chain had the head %s, which its head %s does not continue: the server rewrote or forked its history", older, newer)
	}
	return nil
}

// Root returns the root of a tree of these leaves.
func Root(leaves []event.Hash) event.Hash {
	f := frontier{nodes: make([]event.Hash, 0, bundleHeight+1)}
	for i := range leaves {
		f.add(0, leaves[i], nil)
	}
	return f.root()
}

// ProveIn returns the inclusion proof of leaf i in the tree of these leaves. It
// hashes all of them. It panics if there is no leaf i.
func ProveIn(leaves []event.Hash, i int) []event.Hash {
	_ = leaves[i]
	t := New(nil)
	t.Append(leaves...)
	proof, err := tlog.ProveRecord(int64(len(leaves)), int64(i), &reader{view: t.view})
	if err != nil {
		panic(err) // nothing is read from bundles
	}
	return ours(proof)
}

func ours(hashes []tlog.Hash) []event.Hash {
	out := make([]event.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = event.Hash(h)
	}
	return out
}

func theirs(hashes []event.Hash) []tlog.Hash {
	out := make([]tlog.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = tlog.Hash(h)
	}
	return out
}
