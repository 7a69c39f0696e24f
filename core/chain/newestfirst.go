package chain

import (
	"context"
	"iter"
	"slices"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
)

// A log is read forward, so what is to be seen newest first is read a window of
// seqs at a time, the newest first. A window that holds more than windowBytes
// of headers is read in parts.
const (
	windowEvents = 64 << 10
	windowBytes  = 64 << 20
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
		size := event.Seq(windowEvents)
		for end > 0 {
			from := end - min(end, size)
			events, bytes, err := c.window(ctx, from, end)
			if err == nil && pace != nil {
				err = pace(ctx, bytes)
			}
			switch {
			case err != nil:
				yield(stored{}, err)
				return
			case events == nil:
				size /= 2
				continue
			}
			for _, e := range slices.Backward(events) {
				if !yield(e, nil) {
					return
				}
			}
			end, size = from, windowEvents
		}
	}
}

// window returns the headers of the events from one seq up to another, and how
// many bytes they have; nil if that is too much for several events.
func (c *Chain) window(ctx context.Context, from, end event.Seq) (events []stored, bytes int, err error) {
	events = []stored{}
	err = c.scan(ctx, from, end, func(b *event.Batch) error {
		seq, lasting := b.First, *b // the headers outlast the visit
		lasting.Frames = slices.Clone(b.Frames)
		for f, err := range lasting.Events() {
			if err != nil {
				return err
			}
			if seq >= from && seq < end && events != nil {
				header, err := event.DecodeHeader(f.Header)
				if err != nil {
					return fault.New(fault.Damaged, "event %d of chain %s: %w", seq, c.name, err)
				}
				e := compaction.Event{Seq: seq, Time: b.When(), DataSize: f.DataLen, Header: header, Encoded: f.Header}
				events = append(events, stored{e, spanOf(b).first, introducesSigner(&header, b.Evidence)})
				if bytes += len(f.Header); bytes > windowBytes && end-from > 1 {
					events = nil
				}
			}
			seq++
		}
		return nil
	})
	return events, bytes, err
}

// introducesSigner reports whether an event introduces the key that seals it.
func introducesSigner(h *event.Header, sealed []byte) bool {
	if len(h.Keys) == 0 || len(sealed) == 0 {
		return false
	}
	seal, err := evidence.ParseSeal(sealed)
	return err == nil && slices.ContainsFunc(h.Keys, func(key []byte) bool { return event.KeyID(key) == seal.Signer })
}
