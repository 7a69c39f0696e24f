package verify

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/atedb/atedb/sdk/event"
)

// BenchmarkReplay is what an auditing client spends on events without data, in
// batches of so many.
func BenchmarkReplay(b *testing.B) {
	for _, size := range []int{1, 100} {
		w := newWorld(b, event.Distributed)
		for n := range 20_000 / max(size, 20) {
			events := make([]ev, size)
			for i := range events {
				events[i] = val(fmt.Sprint("object ", n*size+i), "data of a hundred bytes or so")
			}
			head := w.headAt(min(len(w.leaves), 1)) // computing roots is slow here
			w.head = &head
			w.put(root, events...)
		}
		w.omit()
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var log *Log
			for b.Loop() {
				l, err := New(w.genesis, w.give)
				if err != nil {
					b.Fatal(err)
				}
				for i := range w.batches {
					if err := l.Add(b.Context(), &w.batches[i]); err != nil {
						b.Fatal(err)
					}
				}
				log = l
			}
			b.ReportMetric(float64(len(w.leaves))*float64(b.N)/b.Elapsed().Seconds(), "events/s")
			runtime.KeepAlive(log)
		})
	}
}

// TestMemory: a log holds at most 64 bytes for each event, besides the objects
// of the authority tree.
func TestMemory(t *testing.T) {
	w := newWorld(t, event.Distributed)
	events := make([]ev, event.MaxBatchEvents)
	for i := range events {
		events[i] = val("a", "x")
	}
	first := w.present()
	w.head = &first
	const batches = 3
	for range batches {
		w.put(root, events...)
	}
	w.omit()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l, err := w.verify(first)
	if err != nil {
		t.Fatal(err)
	}
	l.parsed, l.hashes = nil, nil // room for one batch, whatever the number of events
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / (batches * event.MaxBatchEvents)
	if t.Logf("%.1f bytes an event", per); per > 64 {
		t.Errorf("a log takes %.1f bytes for each event", per)
	}
	runtime.KeepAlive(l)
	runtime.KeepAlive(w)
}
