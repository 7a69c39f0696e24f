// Package chaintest has a log in memory, for tests of what is built on chains.
package chaintest

import (
	"bytes"
	"context"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Log is a chain's log in memory that can be told to fail. Its zero value is
// empty. It implements chain.Log.
type Log struct {
	// OnAppend, if set, decides what an append does: how many bytes of the
	// records it keeps, and what it answers. It may block.
	OnAppend func(records []byte) (keep int, err error)
	// ReadErr, if set, is what reads answer.
	ReadErr error

	mu      sync.Mutex // guards what follows
	blobs   map[string][]byte
	records []byte
	appends int
}

// NewLog returns a log that holds records.
func NewLog(records []byte) *Log { return &Log{records: records} }

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
	l.records = append(l.records, records[:keep]...)
	return err
}

// Read implements chain.Log.
func (l *Log) Read(_ context.Context, dst []byte, from event.Seq, maxBytes int, headersOnly bool) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ReadErr != nil {
		return nil, l.ReadErr
	}
	out := dst
	for batch, err := range event.Records(l.records) {
		if err != nil {
			return nil, err
		}
		if batch.Next() <= from {
			continue
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

// PutBlob implements chain.Log.
func (l *Log) PutBlob(_ context.Context, name string, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blobs == nil {
		l.blobs = make(map[string][]byte)
	}
	if l.blobs[name] = bytes.Clone(data); len(data) == 0 {
		delete(l.blobs, name)
	}
	return nil
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
