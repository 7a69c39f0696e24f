package client

import (
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// Compacted is what compaction dropped of a subscription's events: some of those
// from From to before Before.
type Compacted struct {
	From, Before event.Seq
	// Forgotten says that tombstones are among them. Whoever holds values from
	// before From may hold some of objects that have ended, and is not told which.
	// Without it, all that was dropped is superseded by what comes, or ended by it.
	Forgotten bool
}

// compacted tells the application what was dropped, and begins again if the server
// does.
func (s *Subscription) compacted(m *wirepb.Compacted) {
	if m.Restarted != (m.TombstonesGone && s.options.Restart) {
		s.finish(fault.New(fault.BadMessage, "the server began the subscription again when it was not asked to, or did not when it was"))
		return
	}
	if s.options.OnCompacted != nil {
		s.options.OnCompacted(Compacted{From: event.Seq(s.next.Load()), Before: event.Seq(m.Before), Forgotten: m.TombstonesGone})
	}
	if m.TombstonesGone {
		s.asOf.Store(max(s.asOf.Load(), m.AsOf))
	}
	if m.Restarted {
		s.next.Store(1)
		s.cursor = cursor{ordered: true}
	}
}
