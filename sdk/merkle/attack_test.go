package merkle

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// altered yields every proof that differs from proof in one bit, and those with
// a hash more or less.
func altered(proof []event.Hash) [][]event.Hash {
	all := [][]event.Hash{append(slices.Clone(proof), event.Hash{}), append([]event.Hash{{}}, proof...), make([]event.Hash, MaxProof+1)}
	for i := range proof {
		all = append(all, slices.Delete(slices.Clone(proof), i, i+1))
		for bit := range 8 * hashSize {
			p := slices.Clone(proof)
			p[i][bit/8] ^= 1 << (bit % 8)
			all = append(all, p)
		}
	}
	return all
}

func flipped(h event.Hash, bit int) event.Hash {
	h[bit/8] ^= 1 << (bit % 8)
	return h
}

// TestForgedInclusion: a server shows an event that is not in the head, at
// another place, or in another head, or alters one bit of a good proof.
func TestForgedInclusion(t *testing.T) {
	leaves := testLeaves(13)
	head := Head{13, naiveRoot(leaves)}
	for seq := range leaves {
		proof := naivePath(seq, leaves)
		refuse := func(what string, proof []event.Hash, head Head, at uint64, leaf event.Hash) {
			if err := CheckInclusion(proof, head, at, leaf); !fault.Is(err, fault.Forked) {
				t.Fatalf("%s, event %d: %v", what, seq, err)
			}
		}
		for _, p := range altered(proof) {
			refuse("altered proof", p, head, uint64(seq), leaves[seq])
		}
		for bit := range 8 * hashSize {
			refuse("altered leaf", proof, head, uint64(seq), flipped(leaves[seq], bit))
			refuse("altered root", proof, Head{13, flipped(head.Root, bit)}, uint64(seq), leaves[seq])
		}
		for at := range uint64(20) {
			if at != uint64(seq) {
				refuse("another place", proof, head, at, leaves[seq])
			}
		}
		refuse("an event past every size", proof, head, 1<<63, leaves[seq])
		for _, size := range []uint64{0, uint64(seq), 1 << 40, MaxSize, MaxSize + 1, 1<<64 - 1} {
			refuse("another size", proof, Head{size, head.Root}, uint64(seq), leaves[seq])
		}
	}
}

// TestForgedConsistency: a server rewrites what it said before, alters one bit
// of a good proof, or rolls back to a backup. The refusal names both heads.
func TestForgedConsistency(t *testing.T) {
	leaves := testLeaves(13)
	newer := Head{13, naiveRoot(leaves)}
	for from := range len(leaves) + 1 {
		older := Head{uint64(from), naiveRoot(leaves[:from])}
		var proof []event.Hash
		if from > 0 {
			proof = naiveProof(from, leaves, true)
		}
		if err := CheckConsistency(proof, older, newer); err != nil {
			t.Fatal(err)
		}
		refuse := func(what string, proof []event.Hash, older, newer Head) {
			err := CheckConsistency(proof, older, newer)
			if !fault.Is(err, fault.Forked) || !strings.Contains(err.Error(), older.String()) || !strings.Contains(err.Error(), newer.String()) {
				t.Fatalf("%s, from %d: %v", what, from, err)
			}
		}
		for _, p := range altered(proof) {
			refuse("altered proof", p, older, newer)
		}
		for bit := range 8 * hashSize {
			refuse("altered old root", proof, Head{older.Size, flipped(older.Root, bit)}, newer)
			if from > 0 {
				refuse("altered new root", proof, older, Head{newer.Size, flipped(newer.Root, bit)})
			}
		}
		if from < len(leaves) {
			refuse("rolled back", proof, newer, older)
		}
		if from > 0 {
			refuse("a size past every limit", proof, older, Head{1<<64 - 1, newer.Root})
		}
	}
}

// TestOutOfRange: a client asks for what the tree does not have.
func TestOutOfRange(t *testing.T) {
	ctx := context.Background()
	tree := New(new(MemoryBundles))
	tree.Append(testLeaves(10)...)
	for what, ask := range map[string]func() error{
		"root":           func() error { _, err := tree.RootAt(ctx, 11); return err },
		"root, huge":     func() error { _, err := tree.RootAt(ctx, 1<<64-1); return err },
		"seq":            func() error { _, err := tree.ProveInclusion(ctx, 10, 10); return err },
		"seq, huge":      func() error { _, err := tree.ProveInclusion(ctx, 1<<63, 10); return err },
		"empty tree":     func() error { _, err := tree.ProveInclusion(ctx, 0, 0); return err },
		"inclusion size": func() error { _, err := tree.ProveInclusion(ctx, 0, 11); return err },
		"backwards":      func() error { _, err := tree.ProveConsistency(ctx, 10, 9); return err },
		"future":         func() error { _, err := tree.ProveConsistency(ctx, 1, 11); return err },
		"leaves":         func() error { _, err := tree.Leaves(ctx, 1, 10); return err },
		"leaves, huge":   func() error { _, err := tree.Leaves(ctx, 1<<64-1, 2); return err },
	} {
		if err := ask(); !fault.Is(err, fault.BadRequest) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, count := range []int{-1, MaxLeaves + 1} {
		if _, err := tree.Leaves(ctx, 0, count); !fault.Is(err, fault.TooLarge) {
			t.Errorf("%d leaves: %v", count, err)
		}
	}
	for from, to := range map[uint64]uint64{0: 10, 10: 10} {
		if proof, err := tree.ProveConsistency(ctx, from, to); err != nil || len(proof) != 0 {
			t.Errorf("from %d to %d: %v, %v", from, to, proof, err)
		}
	}
}
