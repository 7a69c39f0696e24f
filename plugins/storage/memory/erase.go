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
	events := uint64(0)
	before, after, err := h.rewrite(set, func(r record, add func(record)) error { return withoutDataOf(r, set, add, &events) })
	if err != nil {
		return storage.Erased{}, err
	}
	return storage.Erased{Events: events, Bytes: int64(before.bytes) - int64(after.bytes)}, nil
}

// withoutDataOf adds a record's events, without the data of those in the set. They
// are several records if one would be too large.
func withoutDataOf(r record, set storage.DropSet, add func(record), erased *uint64) error {
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
			add(record{run.First, run.Next(), run.AppendRecord(nil)})
			run.First, run.Offset, run.Count, run.Frames = seq, batch.Offset+int(seq-batch.First), 0, last
		}
		run.Count++
		seq++
	}
	add(record{run.First, run.Next(), run.AppendRecord(nil)})
	return nil
}
