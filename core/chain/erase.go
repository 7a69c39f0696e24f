package chain

import (
	"bytes"
	"context"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// Erase has the data of an object removed from where the log is kept: that of all
// events before the object's newest tombstone that says erase, of which it returns
// how many had any. When it returns without an error, none is there any more. The
// events stay, with their headers and the hash of their data, so that everything
// that was signed or proven stays good; compaction drops them in its own time.
//
// Whoever asks may have it, as that tombstone, which was judged like any other
// event, has allowed it: nothing has to be known of who could write the object
// while it had a value. Without such a tombstone it is a not_authorized fault,
// unless there is no event of the object at all. One erasure of a chain runs at a
// time; others wait. Asked again, after a failure too, it does what is left to do.
func (c *Chain) Erase(ctx context.Context, key []byte) (events uint64, err error) {
	select {
	case c.erasing <- struct{}{}:
		defer func() { <-c.erasing }()
	case <-ctx.Done():
		return 0, fault.New(fault.Unavailable, "erasing object %q: %w", key, context.Cause(ctx))
	}
	until, err := c.allowsErasure(ctx, key)
	if err != nil {
		return 0, err
	}
	header := new(eventpb.Header)
	var set storage.DropSet
	erase := func() error {
		erased, err := c.log.Erase(ctx, set)
		events += erased.Events
		set = set[:0]
		return err
	}
	err = c.scan(ctx, 0, until, func(b *event.Batch) error {
		seq := b.First
		for f, err := range b.Events() {
			if err == nil {
				err = event.UnmarshalHeader(f.Header, header)
			}
			if err != nil {
				return fault.New(fault.Damaged, "event %d of chain %s: %w", seq, c.name, err)
			}
			if seq < until && f.DataLen > 0 && bytes.Equal(header.Key, key) {
				set = append(set, storage.Range{First: seq, End: seq + 1})
			}
			seq++
		}
		if len(set) < maxDrop {
			return nil
		}
		return erase()
	})
	if err == nil { // also of nothing: an erasure that did not end may have left something
		err = erase()
	}
	return events, err
}

// allowsErasure returns the seq of the newest event that lets the data before it
// be erased; 0 if there is no event of the object.
func (c *Chain) allowsErasure(ctx context.Context, key []byte) (event.Seq, error) {
	seen := false
	for e, err := range c.newestFirst(ctx, c.Next(), nil) {
		if err != nil {
			return 0, err
		}
		if !bytes.Equal(e.Header.Key, key) {
			continue
		}
		if e.Header.Erase {
			return e.Seq, nil
		}
		seen = true
	}
	if seen {
		return 0, fault.New(fault.NotAuthorized, "no tombstone of object %q says that its data may be erased; whoever may end it, or make objects at the top if it has ended, writes one that does", key)
	}
	return 0, nil
}
