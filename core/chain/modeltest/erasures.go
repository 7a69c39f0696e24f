package modeltest

import (
	"maps"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// erase has an object's data erased, and is killed meanwhile or not.
func (m *model) erase() {
	m.t.Helper()
	key := m.key()
	if _, until := m.data(); len(until) > 0 && !m.oneIn(5) {
		key = slices.Sorted(maps.Keys(until))[m.r.IntN(len(until))]
	}
	if m.oneIn(3) {
		m.killed(func() { m.eraseData(key) })
	}
	m.eraseData(key) // a kill may have left some
}

// eraseData has an object's data erased: that of the events before the newest
// tombstone which says so, and no other.
func (m *model) eraseData(key string) {
	m.t.Helper()
	before, tombstones := m.data()
	until := tombstones[key]
	events, err := m.chain.Erase(m.t.Context(), []byte(key))
	if err != nil && !(fault.Is(err, fault.NotAuthorized) && (until == 0 || m.compacting)) {
		m.t.Fatalf("erasing object %q before %d: %v", key, until, err)
	}
	m.erased += int(events)
	after, _ := m.data()
	for seq, was := range before {
		got, ok := after[seq]
		if gone := was.key == key && seq < until; ok && (gone && got.data != "" || !gone && got != was) {
			m.t.Fatalf("erasing object %q before %d made %+v of event %d, which was %+v", key, until, got, seq, was)
		}
	}
}

// keyData is an event's object and data.
type keyData struct{ key, data string }

// data returns the events that are there, and for each object the newest that lets
// the data before it be erased.
func (m *model) data() (events map[event.Seq]keyData, erase map[string]event.Seq) {
	m.t.Helper()
	events, erase = make(map[event.Seq]keyData), make(map[string]event.Seq)
	for b, err := range event.Records(m.all()) {
		if err != nil {
			m.t.Fatal(err)
		}
		seq := b.First
		for f, err := range b.Events() {
			if err != nil {
				m.t.Fatal(err)
			}
			h, err := event.DecodeHeader(f.Header)
			if err != nil {
				m.t.Fatal(err)
			}
			events[seq] = keyData{string(h.Key), string(f.Data)}
			if h.Erase {
				erase[string(h.Key)] = seq
			}
			seq++
		}
	}
	return events, erase
}
