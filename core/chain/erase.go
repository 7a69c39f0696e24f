package chain

import (
	"bytes"
	"context"
	"slices"

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
	var set storage.DropSet
	erase := func() error {
		slices.Reverse(set)
		erased, err := c.log.Erase(ctx, set)
		events += erased.Events
		set = set[:0]
		return err
	}
	seen, allowed := false, false
	for e, err := range c.newestFirst(ctx, c.Next(), c.pace()) {
		if err == nil && len(set) == maxDrop {
			err = erase()
		}
		if err != nil {
			return events, err
		}
		if !bytes.Equal(e.Header.Key, key) {
			continue
		}
		if allowed && e.DataSize > 0 {
			set = append(set, storage.Range{First: e.Seq, End: e.Seq + 1})
		}
		seen, allowed = true, allowed || e.Header.Erase
	}
	if seen && !allowed {
		return 0, fault.New(fault.NotAuthorized, "no tombstone of object %q says that its data may be erased; whoever may end it, or make objects at the top if it has ended, writes one that does", key)
	}
	return events, erase() // also of nothing: an erasure that did not end may have left something
}
