package merkle

import (
	"context"
	"testing"
)

// BenchmarkCommit is the upkeep of a commit of 100 events: appending their
// leaves, and the head. ns/leaf is what it costs an event.
func BenchmarkCommit(b *testing.B) {
	ctx := context.Background()
	leaves := testLeaves(100)
	tree := New(new(MemoryBundles))
	tree.Append(testLeaves(1_000_003)...)
	if err := tree.Flush(ctx); err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		tree.Append(leaves...)
		tree.Head()
		if n%1000 == 999 {
			b.StopTimer()
			if err := tree.Flush(ctx); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(leaves)), "ns/leaf")
}

// BenchmarkOne is the same with one event in each commit.
func BenchmarkOne(b *testing.B) {
	leaf := testLeaves(1)
	tree := New(new(MemoryBundles))
	tree.Append(testLeaves(1_000_003)...)
	for b.Loop() {
		tree.Append(leaf...)
		tree.Head()
	}
}

// BenchmarkNode is one inner node, to compare with.
func BenchmarkNode(b *testing.B) {
	leaves := testLeaves(2)
	for b.Loop() {
		node(&leaves[0], &leaves[1])
	}
}

// BenchmarkConsistency is the proof that an opening client is given: from a head
// in the newest, unstored leaves to the present one.
func BenchmarkConsistency(b *testing.B) {
	ctx := context.Background()
	tree := New(new(MemoryBundles))
	tree.Append(testLeaves(1_000_003)...)
	if err := tree.Flush(ctx); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := tree.ProveConsistency(ctx, 1_000_000, 1_000_003); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadBundle is the reading and checking of one stored bundle.
func BenchmarkReadBundle(b *testing.B) {
	leaves := testLeaves(BundleSize)
	raw, root := appendHashes(nil, leaves), Root(leaves)
	for b.Loop() {
		if _, err := parseBundle(0, raw, root); err != nil {
			b.Fatal(err)
		}
	}
}
