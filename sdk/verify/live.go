package verify

import (
	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// said is what an event of the server's says of what lived, and whether it is so.
type said struct {
	seq  event.Seq // of the event; 0 if there is none
	live authority.Live
	fits bool
}

// applyOwn takes note of an event that only the server writes. Nobody sealed it,
// and it gives nobody any authority: it is a claim, to be compared.
func (l *Log) applyOwn(b *event.Batch, e *checked) error {
	switch {
	case len(l.owed) > 0:
		return fault.New(fault.BadSeal, "event %d, which is the server's own, stands within a commit that begins at event %d", b.First, l.part.first)
	case len(b.Evidence) > 0:
		return fault.New(fault.Damaged, "event %d is the server's own, and has a seal", b.First)
	case string(e.header.Key) == authority.LiveBeginKey:
		l.begun = l.tree.LiveObjects().Live(b.First)
		return nil
	}
	live, err := authority.ParseLive(&e.header)
	if err != nil {
		return err
	}
	l.said = said{b.First, live, live == l.begun}
	return nil
}

// CheckLive returns a forked fault if the events do not fit the newest that the
// server said of what lives: then one that lives was left out, or one put back
// that had been dropped. Before a compaction drops something, it says so anew, so
// nothing may be missing from when it said so last. What was given while the
// chain was compacted may not fit yet for the same reason: the chain has then
// grown by an event with which it does.
func (l *Log) CheckLive() error {
	if last := len(l.gaps) - 1; last >= 0 && l.gaps[last].end > l.said.live.Begin {
		return fault.New(fault.Forked, "events up to %d are missing, and none says what lived when they were dropped: it was kept back, or they were", l.gaps[last].end-1)
	}
	if l.said.seq == 0 || l.said.fits {
		return nil
	}
	return fault.New(fault.Forked, "event %d of the chain says that %d objects have values, and which; the events that were given leave %d, or others: a value that lives was left out, or an old one put back", l.said.seq, l.said.live.Objects, l.begun.Objects)
}

// LiveObjects returns which objects have a value, but for the server's own.
func (l *Log) LiveObjects() authority.LiveObjects { return l.tree.LiveObjects() }

// Live returns the seq of the newest event that says what lives, and how many
// objects it says have a value; 0 if there is none.
func (l *Log) Live() (at event.Seq, objects uint64) { return l.said.seq, l.said.live.Objects }
