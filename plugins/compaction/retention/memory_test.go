package retention

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/compaction/compactiontest"
	"github.com/atedb/atedb/sdk/event"
)

// manyObjects is a chain of objects with a number of versions each.
func manyObjects(objects, versions int) compactiontest.Chain {
	var c compactiontest.Chain
	for i := range objects * versions {
		c = c.Add(fmt.Sprintf("%016x", i%objects), false)
	}
	return c
}

// TestStateOfAPlan proves which rules remember objects, and how many: none for a
// log of which what is too old goes, no more than are within the limits for one
// of limited size, and never one for each event.
func TestStateOfAPlan(t *testing.T) {
	const objects = 1000
	for config, want := range map[string]int{
		`{"drop":{"d":{"max_age":1,"drop_live":true}}}`:                                              0,
		`{"keep":{"k":{"max_age":"1h","max_events":100,"max_bytes":"1MiB"}}}`:                        0,
		`{"drop":{"d":{"max_events":10,"drop_live":true}}}`:                                          11,
		`{"drop":{"d":{"max_age":"1h","max_bytes":1,"drop_live":true}}}`:                             1,
		`{"drop":{"d":{"max_age":1}}}`:                                                               objects,
		`{"drop":{"d":{"max_age":1,"objects":["00000000000000f*"]}}}`:                                16,
		`{"drop":{"d":{"max_versions":1}}}`:                                                          objects,
		`{"drop":{"d":{"max_versions":2,"objects":["00000000000000f*"],"drop_live":true}}}`:          16,
		`{"drop":{"d":{"max_versions":2}},"keep":{"k":{"max_versions":3}}}`:                          2 * objects,
		`{"drop":{"d":{"max_versions":2,"max_age":"1h"}},"keep":{"k":{"max_versions":3}}}`:           3 * objects,
		`{"drop":{"d":{"type":"x","max_versions":2}},"keep":{"k":{"labels":{"a":"b"},"max_age":9}}}`: 0,
	} {
		s := configured(t, config)
		c := manyObjects(objects, 5)
		p := newPass(s.settings.Rules, c.Info())
		for e := range c.NewestFirst() {
			p.vote(&e)
		}
		got := len(p.seen)
		for _, r := range p.rules {
			got += len(r.versions)
		}
		if got != want {
			t.Errorf("%s remembers %d objects; want %d", config, got, want)
		}
	}
}

// BenchmarkPlan plans for a chain of many objects with two versions each.
func BenchmarkPlan(b *testing.B) {
	const objects = 200_000
	c := manyObjects(objects, 2)
	for name, config := range map[string]string{
		"live_age": `{"drop":{"d":{"max_age":1,"drop_live":true}}}`,
		"age":      `{"drop":{"d":{"max_age":1}}}`,
		"versions": `{"keep":{"k":{"max_versions":10}}}`,
		"bytes":    `{"drop":{"d":{"max_bytes":"1TiB","drop_live":true}}}`,
	} {
		b.Run(name, func(b *testing.B) {
			s := configured(b, config)
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				events := func(yield func(compaction.Event, error) bool) {
					for e := range c.NewestFirst() {
						if e.Seq == 0 {
							runtime.GC()
							runtime.ReadMemStats(&after)
						}
						if !yield(e, nil) {
							return
						}
					}
				}
				if err := s.Plan(b.Context(), c.Info(), events, func(event.Seq, compaction.Vote) {}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/objects, "bytes/object")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(c)), "ns/event")
		})
	}
}
