package chain

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// A log is read forward, so what is to be seen newest first is read a window of
// seqs at a time, the newest first. A window that holds more than windowBytes
// of headers is read in parts.
const (
	windowEvents = 64 << 10
	windowBytes  = 64 << 20
)

// newestFirst yields the headers of the events before end, newest first.
func (c *Chain) newestFirst(ctx context.Context, end event.Seq, pace func(context.Context, int) error) iter.Seq2[compaction.Event, error] {
	return func(yield func(compaction.Event, error) bool) {
		size := event.Seq(windowEvents)
		for end > 0 {
			from := end - min(end, size)
			events, bytes, err := c.window(ctx, from, end)
			if err == nil && pace != nil {
				err = pace(ctx, bytes)
			}
			switch {
			case err != nil:
				yield(compaction.Event{}, err)
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
func (c *Chain) window(ctx context.Context, from, end event.Seq) (events []compaction.Event, bytes int, err error) {
	events = []compaction.Event{}
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
				events = append(events, compaction.Event{Seq: seq, Time: time.UnixMicro(b.Time), DataSize: f.DataLen, Header: header})
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
