package authority

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
)

// BenchmarkJudgeNew is the hot path: new objects at the top, in rounds of 100
// commits of 10 events, settled after each. The table grows to a million
// objects and starts again.
func BenchmarkJudgeNew(b *testing.B) {
	tree, h, key := New(event.Genesis{}), &eventpb.Header{}, [16]byte{}
	h.Key = key[:]
	b.ReportAllocs()
	for i := range b.N {
		if i%million == 0 {
			b.StopTimer()
			tree = New(event.Genesis{})
			b.StartTimer()
		}
		binary.LittleEndian.PutUint64(key[:], uint64(i))
		if i%10 == 0 {
			_ = tree.Mark()
		}
		if err := tree.Judge(tree.Next(), h, true, nil); err != nil {
			b.Fatal(err)
		}
		if i%1000 == 999 {
			tree.Settle()
		}
	}
}

// BenchmarkJudgeNewUnder is the same with each object under one of 1,000.
func BenchmarkJudgeNewUnder(b *testing.B) {
	tree, h, key, parent := New(event.Genesis{}), &eventpb.Header{}, [16]byte{}, [4]byte{}
	h.Key = parent[:]
	for i := range uint32(1000) {
		binary.LittleEndian.PutUint32(parent[:], i)
		if err := tree.Judge(tree.Next(), h, true, nil); err != nil {
			b.Fatal(err)
		}
	}
	h.Key, h.Parent = key[:], &eventpb.Parent{Key: parent[:]}
	b.ReportAllocs()
	for i := range b.N {
		binary.LittleEndian.PutUint64(key[:], uint64(i))
		binary.LittleEndian.PutUint32(parent[:], uint32(i%1000))
		if err := tree.Judge(tree.Next(), h, true, nil); err != nil {
			b.Fatal(err)
		}
		if i%1000 == 999 {
			tree.Settle()
		}
	}
}

const million = 1_000_000

// plain returns a tree of n plain objects beside the genesis, built by Apply.
func plain(tb testing.TB, n int) *Tree {
	tree, h, key := New(event.Genesis{}), &eventpb.Header{}, [16]byte{}
	h.Key = key[:]
	for i := range uint64(n) {
		binary.LittleEndian.PutUint64(key[:], i)
		if err := tree.Apply(event.Seq(i+1), h); err != nil {
			tb.Fatal(err)
		}
	}
	return tree
}

func BenchmarkApplyMillion(b *testing.B) {
	before, tree := heap(), (*Tree)(nil)
	for b.Loop() {
		tree = plain(b, million)
	}
	b.ReportMetric(float64(heap()-before)/million, "B/object")
	runtime.KeepAlive(tree)
}

func BenchmarkSnapshotMillion(b *testing.B) {
	tree, dst := plain(b, million), []byte(nil)
	for b.Loop() {
		dst = tree.AppendSnapshot(dst[:0])
	}
	b.ReportMetric(float64(len(dst))/million, "B/object")
}

func BenchmarkRestoreMillion(b *testing.B) {
	snapshot := plain(b, million).AppendSnapshot(nil)
	for b.Loop() {
		if _, err := Restore(event.Genesis{}, snapshot); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPlainObjects proves that a plain object costs at most 120 bytes of
// memory and 60 bytes of snapshot, also after growing one by one, and that
// a tree does so after it was restored.
func TestPlainObjects(t *testing.T) {
	const n = 120_000
	before := heap()
	tree := plain(t, n)
	grown := float64(heap()-before) / n
	snapshot := tree.AppendSnapshot(nil)
	if runtime.KeepAlive(tree); grown > 120 {
		t.Errorf("%.1f bytes of memory for each object", grown)
	}
	if stored := float64(len(snapshot)) / n; stored > 60 {
		t.Errorf("%.1f bytes of snapshot for each object", stored)
	}
	tree = nil
	before = heap()
	tree, err := Restore(event.Genesis{}, snapshot)
	restored := float64(heap()-before) / n
	if err != nil || tree.Len() != n+1 || restored > 120 {
		t.Errorf("restored: %v, %.1f bytes of memory for each object", err, restored)
	}
	t.Logf("bytes per object: grown %.1f, restored %.1f, snapshot %.1f", grown, restored, float64(len(snapshot))/n)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
