package client_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
)

// churn writes values that come and go, and compacts as an honest server does.
type churn struct {
	t      testing.TB
	s      *clienttest.Server
	writer *client.Client
	live   map[string]string
	n      int
}

func (w *churn) key() string { return fmt.Sprint("k", rand.IntN(12)) }

// write commits a few events.
func (w *churn) write() {
	w.t.Helper()
	var events []client.Event
	for range 1 + rand.IntN(3) {
		key := w.key()
		if _, lives := w.live[key]; lives && rand.IntN(2) == 0 {
			events = append(events, rm(key))
			delete(w.live, key)
			continue
		}
		w.n++
		w.live[key] = fmt.Sprint("value ", w.n)
		events = append(events, put(key, w.live[key]))
	}
	commit(w.t, w.writer, events...)
}

// last returns the seq of the newest event.
func (w *churn) last() event.Seq {
	w.t.Helper()
	records := w.s.Records(chainName)
	first, count, _, err := event.PeekRecord(records[len(records)-1])
	if err != nil {
		w.t.Fatal(err)
	}
	return first + event.Seq(count) - 1
}

// compact drops what no one needs, of which some stays at random: superseded
// values, tombstones of which nothing came before, and what was said of what
// lives before.
func (w *churn) compact() {
	var drop []event.Seq
	newest := make(map[string]event.Seq)
	var all []stored
	for _, record := range w.s.Records(chainName) {
		b, _, err := event.CutRecord(record)
		if err != nil {
			w.t.Fatal(err)
		}
		seq := b.First
		for f, err := range b.Events() {
			if err != nil {
				w.t.Fatal(err)
			}
			h, err := event.DecodeHeader(f.Header)
			if err != nil {
				w.t.Fatal(err)
			}
			all = append(all, stored{seq, string(h.Key), h.Tombstone})
			newest[string(h.Key)] = seq
			seq++
		}
	}
	seen := make(map[string]bool)
	for _, e := range all {
		superseded := newest[e.key] != e.seq
		if (superseded && !e.tombstone || e.tombstone && !seen[e.key] || superseded && event.IsReserved([]byte(e.key))) && rand.IntN(5) > 0 {
			drop = append(drop, e.seq)
		}
		seen[e.key] = true
	}
	w.s.Compact(chainName, drop...)
}

type stored struct {
	seq       event.Seq
	key       string
	tombstone bool
}
