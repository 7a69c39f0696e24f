package memory

import (
	"context"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage"
)

// Erase implements [storage.Chain]. There are no files; what is taken out of
// memory is overwritten when the memory is used again.
func (h *handle) Erase(_ context.Context, set storage.DropSet) (storage.Erased, error) {
	if err := h.begin(); err != nil {
		return storage.Erased{}, err
	}
	defer h.calls.RUnlock()
	if err := checkSet(set); err != nil {
		return storage.Erased{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	erased := storage.Erased{Bytes: int64(h.bytes)}
	old := h.records
	events, size, next := h.events, h.bytes, h.next
	h.records, h.events, h.bytes = nil, 0, 0
	for _, r := range old {
		if !touches(set, r.first, r.next) {
			h.add(r)
		} else if err := h.addErased(r, set, &erased.Events); err != nil {
			h.records, h.events, h.bytes, h.next = old, events, size, next
			return storage.Erased{}, err
		}
	}
	h.next = next
	erased.Bytes -= int64(h.bytes)
	return erased, nil
}

// addErased adds a record's events, without the data of those in the set. They
// are several records if one would be too large.
func (c *chain) addErased(r record, set storage.DropSet, erased *uint64) error {
	batch, _, err := event.CutRecord(r.data)
	if err != nil {
		return err
	}
	run := batch
	run.Count, run.Frames = 0, nil
	seq := batch.First
	for frame, err := range batch.Events() {
		if err != nil {
			return err
		}
		before := len(run.Frames)
		if len(frame.Data) > 0 && touches(set, seq, seq+1) {
			run.Frames = frame.Omit(run.Frames)
			*erased++
		} else {
			run.Frames = frame.Append(run.Frames)
		}
		if run.RecordSize() > event.MaxRecord {
			last := append([]byte(nil), run.Frames[before:]...)
			run.Frames = run.Frames[:before]
			c.add(record{run.First, run.Next(), run.AppendRecord(nil)})
			run.First, run.Offset, run.Count, run.Frames = seq, batch.Offset+int(seq-batch.First), 0, last
		}
		run.Count++
		seq++
	}
	c.add(record{run.First, run.Next(), run.AppendRecord(nil)})
	return nil
}
