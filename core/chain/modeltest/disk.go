package modeltest

import (
	"context"
	"sync"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Log is an open log.
type Log interface {
	chain.Log
	Close() error
}

// Disk keeps the log of one chain, beyond the death of who uses it. One
// goroutine at a time uses it, except where a method says otherwise.
type Disk interface {
	// Open opens the log, which is made if there is none.
	Open() (Log, error)
	// Copy returns a disk that holds what this one would after a kill at this
	// moment: all that was acknowledged, and of what was not any part that a
	// store may leave. It may be called by a function given to OnChange.
	Copy() Disk
	// OnChange has a function called before each change to what is stored, by
	// one goroutine at a time, whichever that is, until it is given nil.
	OnChange(f func())
	// Close ends the use of the disk and what runs on it.
	Close() error
}

// Watch calls a function before changes. The zero value has none.
type Watch struct {
	mu sync.Mutex // guards f, and is held while it runs
	f  func()
}

// OnChange implements Disk.
func (w *Watch) OnChange(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.f = f
}

// Changing is called before a change.
func (w *Watch) Changing() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.f != nil {
		w.f()
	}
}

// Watched is a log that says when it is about to change.
type Watched struct {
	Log
	Watch *Watch
}

// Append implements chain.Log.
func (l Watched) Append(records []byte) error {
	l.Watch.Changing()
	return l.Log.Append(records)
}

// PutBlob implements chain.Log.
func (l Watched) PutBlob(ctx context.Context, name string, data []byte) error {
	l.Watch.Changing()
	return l.Log.PutBlob(ctx, name, data)
}

// Drop implements chain.Log.
func (l Watched) Drop(ctx context.Context, set storage.DropSet) (storage.Dropped, error) {
	l.Watch.Changing()
	return l.Log.Drop(ctx, set)
}

// Memory is a disk that keeps the log in a chaintest.Log.
type Memory struct {
	Watch
	log *chaintest.Log
}

// NewMemory returns an empty disk.
func NewMemory() *Memory { return &Memory{log: &chaintest.Log{}} }

// Open implements Disk.
func (d *Memory) Open() (Log, error) { return Watched{memoryLog{d.log}, &d.Watch}, nil }

// Copy implements Disk.
func (d *Memory) Copy() Disk { return &Memory{log: d.log.Copy()} }

// Close implements Disk.
func (d *Memory) Close() error { return nil }

type memoryLog struct{ *chaintest.Log }

func (memoryLog) Close() error { return nil }

// Erase implements chain.Log.
func (l Watched) Erase(ctx context.Context, set storage.DropSet) (storage.Erased, error) {
	l.Watch.Changing()
	return l.Log.Erase(ctx, set)
}

// Stored is a chain of a store in the test's process, as a log. It implements
// Log.
type Stored struct {
	storage.Chain
	Store storage.Store
}

// Append implements chain.Log.
func (s Stored) Append(records []byte) error {
	return s.Store.Append([]storage.AppendRequest{{Chain: s.Chain, Records: records}})[0]
}

// records reads all records of a log.
func records(ctx context.Context, log chain.Log, from event.Seq) (all []byte, err error) {
	for {
		some, err := log.Read(ctx, nil, from, 1<<20, false)
		if err != nil || len(some) == 0 {
			return all, err
		}
		for rest := some; len(rest) > 0; {
			first, count, size, err := event.PeekRecord(rest)
			if err != nil {
				return nil, err
			}
			if first+event.Seq(count) <= from {
				return nil, fault.New(fault.Damaged, "the read from %d gave the record of %d", from, first)
			}
			from, rest = first+event.Seq(count), rest[size:]
		}
		all = append(all, some...)
	}
}
