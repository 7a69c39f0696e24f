// Package chaintest has a log in memory, for tests of what is built on chains.
package chaintest

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Log is a chain's log in memory that can be told to fail. Its zero value is
// empty. It implements chain.Log.
type Log struct {
	// OnAppend, if set, decides what an append does: how many bytes of the
	// records it keeps, and what it answers. It may block.
	OnAppend func(records []byte) (keep int, err error)
	// ReadErr, if set, is what reads answer.
	ReadErr error
	// OnRead, if set, is told of every read.
	OnRead func(from event.Seq, headersOnly bool)
	// OnPutBlob, if set, decides what storing a side blob does: whether it is
	// kept, and what is answered. It may block.
	OnPutBlob func(ctx context.Context, name string, data []byte) (keep bool, err error)
	// OnDrop, if set, decides what a drop does: whether it happens, and what is
	// answered. It may block.
	OnDrop func(set storage.DropSet) (do bool, err error)

	mu                sync.Mutex // guards what follows
	blobs             map[string][]byte
	records           []byte
	next              event.Seq
	appends, erasures int
}

// NewLog returns a log that holds records.
func NewLog(records []byte) *Log {
	l := &Log{}
	l.keep(records)
	return l
}

// Copy returns a log that holds the same.
func (l *Log) Copy() *Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &Log{records: bytes.Clone(l.records), next: l.next, blobs: maps.Clone(l.blobs)}
}

// Drop implements chain.Log.
func (l *Log) Drop(_ context.Context, set storage.DropSet) (storage.Dropped, error) {
	do, failure := true, error(nil)
	if l.OnDrop != nil {
		do, failure = l.OnDrop(set)
	}
	if !do {
		return storage.Dropped{}, failure
	}
	var dropped storage.Dropped
	err := l.DropIf(func(seq event.Seq) bool {
		in := contains(set, seq)
		if in {
			dropped.Events++
		}
		return in
	})
	return dropped, cmp.Or(failure, err)
}

// Erase implements chain.Log.
func (l *Log) Erase(_ context.Context, set storage.DropSet) (storage.Erased, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erasures++
	var erased storage.Erased
	var left []byte
	for batch, err := range event.Records(l.records) {
		if err != nil {
			return storage.Erased{}, err
		}
		seq, frames := batch.First, []byte(nil)
		for f, err := range batch.Events() {
			switch {
			case err != nil:
				return storage.Erased{}, err
			case len(f.Data) > 0 && contains(set, seq):
				frames = f.Omit(frames)
				erased.Events++
			default:
				frames = f.Append(frames)
			}
			seq++
		}
		batch.Frames = frames
		left = batch.AppendRecord(left)
	}
	erased.Bytes = int64(len(l.records) - len(left))
	l.records = left
	return erased, nil
}

// Erasures returns how often events were erased.
func (l *Log) Erasures() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.erasures
}

func contains(set storage.DropSet, seq event.Seq) bool {
	i, found := slices.BinarySearchFunc(set, seq, func(r storage.Range, seq event.Seq) int { return cmp.Compare(r.First, seq) })
	return found || i > 0 && seq < set[i-1].End
}

// DropIf drops events, as compaction does.
func (l *Log) DropIf(dropped func(event.Seq) bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var kept []byte
	for batch, err := range event.Records(l.records) {
		if err != nil {
			return err
		}
		if kept, err = drop(kept, &batch, dropped); err != nil {
			return err
		}
	}
	l.records = kept
	return nil
}

// drop appends what is left of a batch: a record for each run of survivors.
func drop(dst []byte, batch *event.Batch, dropped func(event.Seq) bool) ([]byte, error) {
	at, run := batch.First, event.Batch{}
	flush := func() {
		if run.Count > 0 {
			dst = run.AppendRecord(dst)
		}
		run.Count = 0
	}
	for f, err := range batch.Events() {
		if err != nil {
			return nil, err
		}
		switch {
		case dropped(at):
			flush()
		case run.Count == 0:
			run = *batch
			run.First, run.Offset, run.Count = at, batch.Offset+int(at-batch.First), 1
			run.Frames = f.Append(nil)
		default:
			run.Count++
			run.Frames = f.Append(run.Frames)
		}
		at++
	}
	flush()
	return dst, nil
}

// State implements chain.Log.
func (l *Log) State() storage.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return storage.State{Next: l.next, Bytes: uint64(len(l.records))}
}

// Blobs returns the side blobs' names, in order.
func (l *Log) Blobs() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.blobs))
}

// keep adds records to those held.
func (l *Log) keep(records []byte) {
	l.records = append(l.records, records...)
	for len(records) > 0 {
		first, count, size, err := event.PeekRecord(records)
		if err != nil {
			return
		}
		l.next, records = first+event.Seq(count), records[size:]
	}
}

// Records returns a copy of what the log holds.
func (l *Log) Records() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]byte(nil), l.records...)
}

// Appends returns how often records were appended.
func (l *Log) Appends() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.appends
}

// Append implements chain.Log.
func (l *Log) Append(records []byte) error {
	keep, err := len(records), error(nil)
	if l.OnAppend != nil {
		keep, err = l.OnAppend(records)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appends++
	l.keep(records[:keep])
	return err
}

// Read implements chain.Log.
func (l *Log) Read(_ context.Context, dst []byte, from event.Seq, maxBytes int, headersOnly bool) ([]byte, error) {
	if l.OnRead != nil {
		l.OnRead(from, headersOnly)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ReadErr != nil {
		return nil, l.ReadErr
	}
	out := dst
	for batch, err := range event.Records(after(l.records, from)) {
		if err != nil {
			return nil, err
		}
		if read := len(out) - len(dst); read > 0 && read+batch.RecordSize() > maxBytes {
			break
		}
		if headersOnly {
			if batch.Frames, err = omitData(&batch); err != nil {
				return nil, err
			}
		}
		out = batch.AppendRecord(out)
	}
	return out, nil
}

// after returns the records that have events at or after a seq.
func after(records []byte, from event.Seq) []byte {
	for len(records) > 0 {
		first, count, size, err := event.PeekRecord(records)
		if err != nil || first+event.Seq(count) > from {
			break
		}
		records = records[size:]
	}
	return records
}

// PutBlob implements chain.Log.
func (l *Log) PutBlob(ctx context.Context, name string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	keep, err := true, error(nil)
	if l.OnPutBlob != nil {
		keep, err = l.OnPutBlob(ctx, name, data)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !keep {
		return err
	}
	if l.blobs == nil {
		l.blobs = make(map[string][]byte)
	}
	if l.blobs[name] = bytes.Clone(data); len(data) == 0 {
		delete(l.blobs, name)
	}
	return err
}

// GetBlob implements chain.Log.
func (l *Log) GetBlob(_ context.Context, name string) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, ok := l.blobs[name]
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no blob %q", name)
	}
	return bytes.Clone(data), nil
}

func omitData(batch *event.Batch) (frames []byte, err error) {
	for f, err := range batch.Events() {
		if err != nil {
			return nil, err
		}
		frames = f.Omit(frames)
	}
	return frames, nil
}
