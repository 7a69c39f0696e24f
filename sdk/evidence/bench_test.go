package evidence

import (
	"fmt"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/merkle"
)

// BenchmarkSeal is what a client spends on a batch.
func BenchmarkSeal(b *testing.B) {
	key := testKey(b, 1)
	for _, n := range []int{1, 100} {
		leaves := testLeaves(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				SignSeal(key, testChain, leaves, Writer{1}, 1, testHead)
			}
			perEvent(b, n)
		})
	}
}

// BenchmarkVerifyBatch is what the server and each reader spend on a batch, with
// the signer's key parsed before.
func BenchmarkVerifyBatch(b *testing.B) {
	key := testKey(b, 1)
	for _, n := range []int{1, 100} {
		leaves := testLeaves(n)
		evidence := SignSeal(key, testChain, leaves, Writer{1}, 1, testHead)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if err := parse(b, evidence).VerifyBatch(key.Public(), testChain, leaves); err != nil {
					b.Fatal(err)
				}
			}
			perEvent(b, n)
		})
	}
}

// BenchmarkVerifyEvent is what a reader spends on one event of a compacted batch
// of 100, and BenchmarkCheckEvent on each further one.
func BenchmarkVerifyEvent(b *testing.B) {
	key, leaves := testKey(b, 1), testLeaves(100)
	s := parse(b, SignSeal(key, testChain, leaves, Writer{1}, 1, testHead))
	path := merkle.ProveIn(leaves, 50)
	for b.Loop() {
		if err := s.VerifyEvent(key.Public(), testChain, leaves[50], 50, path); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheckEvent is CheckEvent, with a path that is there.
func BenchmarkCheckEvent(b *testing.B) {
	leaves := testLeaves(100)
	s := parse(b, SignSeal(testKey(b, 1), testChain, leaves, Writer{1}, 1, testHead))
	path := merkle.ProveIn(leaves, 50)
	for b.Loop() {
		if err := s.CheckEvent(leaves[50], 50, path); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyProof is what the server spends on a connection's key.
func BenchmarkVerifyProof(b *testing.B) {
	key := testKey(b, 1)
	proof := SignProof(key, testChain, binding)
	for b.Loop() {
		if err := VerifyProof(key.Public(), testChain, binding, proof); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAdmit is the memory's upkeep for a batch of a writer of a thousand,
// and for one of a new writer when it is full.
func BenchmarkAdmit(b *testing.B) {
	for _, writers := range []uint64{1000, 1 << 62} {
		b.Run(map[bool]string{true: "known", false: "flood"}[writers == 1000], func(b *testing.B) {
			w := NewWriters()
			for n := uint64(1); b.Loop(); n++ {
				name := n % writers
				s := Seal{Signer: event.Hash{byte(name), byte(name >> 8), byte(name >> 16), byte(name >> 24)}, Number: n, Head: merkle.Head{Size: n}}
				if err := w.Admit(&s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func perEvent(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/event")
}
