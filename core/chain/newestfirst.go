package chain

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// A log is read forward, so what is to be seen newest first is read a window of
// seqs at a time, the newest first. A window that holds too much is read in
// parts; where compaction has left few events, windows grow.
const (
	windowEvents = 64 << 10
	windowBytes  = 16 << 20  // of headers
	windowChunk  = 256 << 10 // bytes of records read at a time: some are read in vain behind each window
	paceBytes    = 1 << 20   // bytes of the log from one call of pace to the next, about
)

// stored is an event that is in the log.
type stored struct {
	compaction.Event
	commit event.Seq // the first of its commit
	opens  bool      // it introduces the key that seals its commit
}

// newestFirst yields the headers of the events before end, newest first.
func (c *Chain) newestFirst(ctx context.Context, end event.Seq, pace func(context.Context, int) error) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		w, size := window{chain: c, ctx: ctx, pace: pace}, event.Seq(windowEvents)
		for end > 0 {
			w.from, w.end = end-min(end, size), end
			err := w.read()
			if err != nil {
				yield(stored{}, err)
				return
			}
			if w.full {
				size = max(min(size, w.end-w.from)/2, 1)
				continue
			}
			if !w.yield(yield) {
				return
			}
			if end = w.from; len(w.events) < windowEvents/4 && size <= event.Seq(1)<<62 {
				size *= 2
			}
		}
	}
}

// window is the headers of the events from one seq up to another. Its memory,
// but for the headers, serves for the next window.
type window struct {
	chain *Chain
	ctx   context.Context
	pace  func(context.Context, int) error // of compaction; may be nil

	from, end event.Seq
	full      bool // there is more than a window holds
	headers   []byte
	events    []place
	batches   []batchPlace

	decoder event.HeaderDecoder
}

// place is where an event's header is, and what else is known of the event. It
// has no pointers, for the collector's sake.
type place struct {
	offset   uint32 // in the window's headers
	dataSize uint32
	batch    uint32 // in the window's batches
	at       uint32 // in the batch
	opens    bool
}

// batchPlace is what is known of a batch.
type batchPlace struct {
	time          int64
	first, commit event.Seq // its first event, and the first of its commit
}

// read reads the window. If it holds too much for several events, it is full.
func (w *window) read() error {
	w.headers, w.full = make([]byte, 0, len(w.headers)), false // what was yielded may have the former ones
	w.events, w.batches = w.events[:0], w.batches[:0]
	unpaced := 0
	err := scan(w.from, w.end, func(b *event.Batch) error {
		bytes, err := w.add(b)
		if unpaced += bytes; err == nil && unpaced > paceBytes {
			err = w.wait(unpaced)
			unpaced = 0
		}
		return err
	}, w.readChunk)
	if err == nil && unpaced > 0 {
		err = w.wait(unpaced)
	}
	if err == errFull {
		w.full, err = true, nil
	}
	return err
}

// readChunk reads headers, and no hashes of data if the log can do without.
func (w *window) readChunk(dst []byte, from event.Seq) ([]byte, error) {
	if log, ok := w.chain.log.(storage.HeaderReader); ok {
		return log.ReadHeaders(w.ctx, dst, from, windowChunk)
	}
	return w.chain.log.Read(w.ctx, dst, from, windowChunk, true)
}

// errFull ends the reading of a window that is full.
var errFull = fault.New(fault.Internal, "a window is full")

// wait tells of bytes that were read, and waits as long as the next ones have to.
func (w *window) wait(bytes int) error {
	if w.pace == nil {
		return nil
	}
	return w.pace(w.ctx, bytes)
}

// add adds a batch's events, and returns how many bytes it has in the log.
func (w *window) add(b *event.Batch) (bytes int, err error) {
	w.batches = append(w.batches, batchPlace{b.Time, b.First, spanOf(b).first})
	bytes = event.RecordHeader + event.BatchHeader + len(b.Evidence)
	at := uint32(0)
	for f, err := range b.Events() {
		if err != nil {
			return bytes, err
		}
		if seq := b.First + event.Seq(at); seq >= w.from && seq < w.end {
			opens := false
			if len(b.Evidence) > 0 {
				header, err := w.decode(seq, f.Header)
				if err != nil {
					return bytes, err
				}
				opens = introducesSigner(&header, b.Evidence)
			}
			w.events = append(w.events, place{uint32(len(w.headers)), uint32(f.DataLen), uint32(len(w.batches) - 1), at, opens})
			w.headers = append(w.headers, f.Header...)
		}
		bytes += event.FrameHeader + len(f.Header) + f.DataLen
		at++
	}
	if w.end-w.from > 1 && (len(w.events) > 2*windowEvents || len(w.headers) > windowBytes) {
		return bytes, errFull
	}
	return bytes, nil
}

// yield yields the window's events, newest first.
func (w *window) yield(yield func(stored, error) bool) (more bool) {
	end := uint32(len(w.headers))
	for i, at := range slices.Backward(w.events) {
		e, err := w.event(at, w.headers[at.offset:end:end])
		if err == nil && i%4096 == 0 {
			err = w.wait(0)
		}
		if !yield(e, err) || err != nil {
			return false
		}
		end = at.offset
	}
	return true
}

func (w *window) event(at place, encoded []byte) (stored, error) {
	b := &w.batches[at.batch]
	seq := b.first + event.Seq(at.at)
	header, err := w.decode(seq, encoded)
	e := compaction.Event{Seq: seq, Time: time.UnixMicro(b.time), DataSize: int(at.dataSize), Header: header, Encoded: encoded}
	return stored{e, b.commit, at.opens}, err
}

func (w *window) decode(seq event.Seq, encoded []byte) (event.Header, error) {
	header, err := w.decoder.Decode(encoded)
	if err != nil {
		return header, fault.New(fault.Damaged, "event %d of chain %s: %w", seq, w.chain.name, err)
	}
	return header, nil
}

// introducesSigner reports whether an event introduces the key that seals it.
func introducesSigner(h *event.Header, sealed []byte) bool {
	if len(h.Keys) == 0 || len(sealed) == 0 {
		return false
	}
	seal, err := evidence.ParseSeal(sealed)
	return err == nil && slices.ContainsFunc(h.Keys, func(key []byte) bool { return event.KeyID(key) == seal.Signer })
}
