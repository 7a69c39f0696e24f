package merkle

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/atedb/atedb/sdk/event"
)

// TestSmallTreesAreThoseOfRFC6962 compares every size, every inclusion proof
// and every consistency proof with the definitions.
func TestSmallTreesAreThoseOfRFC6962(t *testing.T) {
	ctx := context.Background()
	leaves := testLeaves(300)
	tree := New(new(MemoryBundles))
	for size := range len(leaves) + 1 {
		want := naiveRoot(leaves[:size])
		if head := tree.Head(); head.Root != want || head.Size != uint64(size) {
			t.Fatalf("head of size %d is %s, want root %s", size, head, want)
		}
		if got := Root(leaves[:size]); got != want {
			t.Fatalf("root of %d leaves is %s, want %s", size, got, want)
		}
		if size < len(leaves) {
			tree.Append(leaves[size])
		}
	}
	for size := 1; size <= len(leaves); size += 1 + size/10 {
		head := Head{uint64(size), naiveRoot(leaves[:size])}
		if root, err := tree.RootAt(ctx, head.Size); err != nil || root != head.Root {
			t.Fatalf("root at %d is %s, %v", size, root, err)
		}
		for i := range size {
			proof, err := tree.ProveInclusion(ctx, uint64(i), head.Size)
			if err != nil || !slices.Equal(proof, naivePath(i, leaves[:size])) || !slices.Equal(proof, ProveIn(leaves[:size], i)) {
				t.Fatalf("inclusion proof of %d in %d is %v, %v", i, size, proof, err)
			}
			if err := CheckInclusion(proof, head, uint64(i), leaves[i]); err != nil {
				t.Fatal(err)
			}
			proof, err = tree.ProveConsistency(ctx, uint64(i+1), head.Size)
			if err != nil || !slices.Equal(proof, naiveProof(i+1, leaves[:size], true)) {
				t.Fatalf("consistency proof from %d to %d is %v, %v", i+1, size, proof, err)
			}
			if err := CheckConsistency(proof, Head{uint64(i + 1), naiveRoot(leaves[:i+1])}, head); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTreesAroundTheBordersOfBundles appends in uneven parts, stores bundles at
// uneven times, goes on from states, and compares with the definitions.
func TestTreesAroundTheBordersOfBundles(t *testing.T) {
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(1, 2))
	leaves := testLeaves(5*BundleSize + 7)
	store := new(MemoryBundles)
	tree := New(store)
	for done := 0; done < len(leaves); {
		n := min(rng.IntN(3000), len(leaves)-done)
		tree.Append(leaves[done : done+n]...)
		done += n
		switch rng.IntN(3) {
		case 0:
			if err := tree.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		case 1:
			restored, err := Restore(store, tree.AppendState(nil))
			if err != nil {
				t.Fatal(err)
			}
			if restored.Head() != tree.Head() {
				t.Fatalf("head %s was restored as %s", tree.Head(), restored.Head())
			}
			tree = restored
		}
		if rng.IntN(4) == 0 {
			checkAt(t, tree, leaves, done, rng)
		}
	}
	if err := tree.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if len(tree.tail) != 7 {
		t.Errorf("%d leaves are in memory, want 7", len(tree.tail))
	}
	for _, size := range []int{1, BundleSize - 1, BundleSize, BundleSize + 1, 2*BundleSize - 1, 2 * BundleSize, 3*BundleSize + 1, 4 * BundleSize, 4*BundleSize + 1, len(leaves)} {
		checkAt(t, tree, leaves, size, rng)
	}
}

func checkAt(t *testing.T, tree *Tree, leaves []event.Hash, size int, rng *rand.Rand) {
	t.Helper()
	if size == 0 {
		return
	}
	ctx := context.Background()
	head := Head{uint64(size), naiveRoot(leaves[:size])}
	if root, err := tree.RootAt(ctx, head.Size); err != nil || root != head.Root {
		t.Fatalf("root at %d is %s, %v; want %s", size, root, err, head.Root)
	}
	if got := tree.Head(); int(got.Size) == size && got != head {
		t.Fatalf("head is %s, want %s", got, head)
	}
	seq, from := rng.IntN(size), 1+rng.IntN(size)
	proof, err := tree.ProveInclusion(ctx, uint64(seq), head.Size)
	if err != nil || !slices.Equal(proof, naivePath(seq, leaves[:size])) {
		t.Fatalf("inclusion proof of %d in %d is %v, %v", seq, size, proof, err)
	}
	proof, err = tree.ProveConsistency(ctx, uint64(from), head.Size)
	if err != nil || !slices.Equal(proof, naiveProof(from, leaves[:size], true)) {
		t.Fatalf("consistency proof from %d to %d is %v, %v", from, size, proof, err)
	}
	got, err := tree.Leaves(ctx, uint64(seq), size-seq)
	if err != nil || !slices.Equal(got, leaves[seq:size]) {
		t.Fatalf("%d leaves from %d on: got %d, %v", size-seq, seq, len(got), err)
	}
}
