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
	before, after, err := h.rewrite(set, func(r record, add func(record)) error { return survivors(r, set, add) })
	if err != nil {
		return storage.Dropped{}, err
	}
	return storage.Dropped{Events: before.events - after.events, Bytes: before.bytes - min(after.bytes, before.bytes)}, nil
}

// rewrite puts what anew adds in the place of each record that the set touches.
// Appends and reads go on meanwhile. It returns what the records were and are that
// were there when it began.
func (c *chain) rewrite(set storage.DropSet, anew func(r record, add func(record)) error) (before, after size, err error) {
	c.rewriting.Lock()
	defer c.rewriting.Unlock()
	c.mu.RLock()
	old := c.records
	c.mu.RUnlock()
	var kept []record
	add := func(r record) {
		kept = append(kept, r)
		after.add(r)
	}
	for _, r := range old {
		before.add(r)
		if !touches(set, r.first, r.next) {
			add(r)
		} else if err := anew(r, add); err != nil {
			return before, after, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records = append(kept, c.records[len(old):]...)
	c.size.events = c.size.events - before.events + after.events
	c.size.bytes = c.size.bytes - before.bytes + after.bytes
	return before, after, nil
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

// survivors adds a record for each run of events that the set leaves of r.
func survivors(r record, set storage.DropSet, add func(record)) error {
	batch, _, err := event.CutRecord(r.data)
	if err != nil {
		return err
	}
	run := batch
	run.Count, run.Frames = 0, nil
	flush := func() {
		if run.Count > 0 {
			add(record{run.First, run.Next(), run.AppendRecord(nil)})
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
