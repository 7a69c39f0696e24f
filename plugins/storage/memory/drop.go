package memory

import (
	"context"
	"sort"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Drop implements [storage.Chain].
func (h *handle) Drop(_ context.Context, set storage.DropSet) (storage.Dropped, error) {
	if err := h.begin(); err != nil {
		return storage.Dropped{}, err
	}
	defer h.calls.RUnlock()
	if err := checkSet(set); err != nil {
		return storage.Dropped{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	events, size, next := h.events, h.bytes, h.next
	old := h.records
	h.records, h.events, h.bytes = nil, 0, 0
	for _, r := range old {
		if !touches(set, r.first, r.next) {
			h.add(r)
		} else if err := h.addSurvivors(r, set); err != nil {
			h.records, h.events, h.bytes, h.next = old, events, size, next
			return storage.Dropped{}, err
		}
	}
	h.next = next
	return storage.Dropped{Events: events - h.events, Bytes: size - min(h.bytes, size)}, nil
}

func checkSet(set storage.DropSet) error {
	last := event.Seq(0)
	for i, r := range set {
		if r.First >= r.End || r.First < last {
			return fault.New(fault.BadRequest, "a drop set's ranges must be neither empty nor overlap, and ascend; range %d is %d to %d after %d", i, r.First, r.End, last)
		}
		last = r.End
	}
	return nil
}

// touches reports whether the set has a seq from first up to next.
func touches(set storage.DropSet, first, next event.Seq) bool {
	i := sort.Search(len(set), func(i int) bool { return set[i].End > first })
	return i < len(set) && set[i].First < next
}

// addSurvivors adds a record for each run of events that the set leaves of r.
func (c *chain) addSurvivors(r record, set storage.DropSet) error {
	batch, _, err := event.CutRecord(r.data)
	if err != nil {
		return err
	}
	run := batch
	run.Count, run.Frames = 0, nil
	flush := func() {
		if run.Count > 0 {
			c.add(record{run.First, run.Next(), run.AppendRecord(nil)})
		}
		run.Count, run.Frames = 0, nil
	}
	seq := batch.First
	for frame, err := range batch.Events() {
		if err != nil {
			return err
		}
		if touches(set, seq, seq+1) {
			flush()
		} else {
			if run.Count == 0 {
				run.First, run.Offset = seq, batch.Offset+int(seq-batch.First)
			}
			run.Count++
			run.Frames = frame.Append(run.Frames)
		}
		seq++
	}
	flush()
	return nil
}
