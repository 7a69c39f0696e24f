package session

import (
	"context"
	"sync"

	"github.com/atedb/atedb/core/fanout"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// subscription sends the chain's events on a goroutine of its own.
type subscription struct {
	cancel   context.CancelFunc
	done     chan struct{}
	omitOver int  // leave out data longer than this; negative for never
	restart  bool // the client wants to begin again where tombstones are gone

	// The sending goroutine's: what the client knows of, or need not know of.
	dropped event.Seq // as Compactions.Dropped
	asOf    event.Seq // as Compactions.ForgottenAt

	mu     sync.Mutex // guards credit
	credit int64      // bytes of records that may be sent; below zero after a large message
	more   chan struct{}
}

func (s *Session) subscribe(ctx context.Context, m *wirepb.Subscribe) error {
	s.endSubscription()
	ctx, cancel := context.WithCancel(ctx)
	sub := &subscription{
		cancel: cancel, done: make(chan struct{}), omitOver: -1, restart: m.Restart, asOf: event.Seq(m.AsOf),
		credit: clampCredit(m.Credit), more: make(chan struct{}, 1),
	}
	if m.OmitDataOver != nil {
		sub.omitOver = int(m.GetOmitDataOver())
	}
	s.subscription = sub
	cursor := s.feed.Subscribe(event.Seq(m.From))
	go func() {
		defer close(sub.done)
		defer cursor.Close()
		if err := s.send(ctx, sub, cursor, m.Live); err != nil && ctx.Err() == nil {
			s.end(err)
		}
	}()
	return nil
}

// endSubscription ends the subscription, if there is one, and waits until it
// sends nothing more.
func (s *Session) endSubscription() {
	if s.subscription != nil {
		s.subscription.cancel()
		<-s.subscription.done
		s.subscription = nil
	}
}

func (s *Session) credit(m *wirepb.Credit) error {
	if s.subscription != nil {
		s.subscription.grant(clampCredit(m.Bytes))
	}
	return nil
}

// send sends events until ctx ends, or until there are no more if the
// subscription is not live.
func (s *Session) send(ctx context.Context, sub *subscription, cursor *fanout.Subscription, live bool) error {
	if before := s.chain.Compactions(); cursor.Cursor() <= 1 { // the client holds nothing yet
		sub.dropped, sub.asOf = before.Dropped, max(sub.asOf, before.ForgottenAt)
	}
	if _, err := s.sayCompacted(sub, cursor, cursor.Cursor()); err != nil {
		return err
	}
	caughtUp := false
	for {
		if !sub.awaitCredit(ctx) {
			return nil
		}
		from := cursor.Cursor()
		records, err := cursor.Next(ctx, wire.MaxEvents)
		if err != nil {
			return err
		}
		// Asked after reading: what was dropped before that was noted before.
		restarted, err := s.sayCompacted(sub, cursor, from)
		if err != nil {
			return err
		}
		if restarted {
			caughtUp = false
			continue
		}
		if len(records) > 0 {
			if records, err = sub.omit(records); err != nil {
				return err
			}
			sub.grant(-int64(len(records)))
			if err := s.conn.Send(wire.Events, &wirepb.Events{Records: records}); err != nil {
				return err
			}
			continue
		}
		if !caughtUp {
			caughtUp = true
			if err := s.conn.Send(wire.CaughtUp, &wirepb.CaughtUp{Next: uint64(cursor.Cursor()), Head: s.chain.Head().Proto()}); err != nil || !live {
				return err
			}
		}
		select {
		case <-cursor.Wake():
		case <-ctx.Done():
			return nil
		}
	}
}

// sayCompacted tells the client what compaction may have dropped of the events
// from a seq on, unless it knows. If tombstones are gone that it did not have, and
// it wants that, the subscription begins again.
func (s *Session) sayCompacted(sub *subscription, cursor *fanout.Subscription, from event.Seq) (restarted bool, err error) {
	c := s.chain.Compactions()
	gone := from < c.Forgotten && sub.asOf < c.ForgottenAt
	if !gone && (from >= c.Dropped || sub.dropped == c.Dropped) {
		return false, nil
	}
	m := &wirepb.Compacted{Before: uint64(c.Dropped), TombstonesGone: gone, Restarted: gone && sub.restart}
	sub.dropped = c.Dropped
	if gone {
		m.AsOf = uint64(c.ForgottenAt)
		sub.asOf = c.ForgottenAt
	}
	if m.Restarted {
		cursor.Seek(1)
	}
	return m.Restarted, s.conn.Send(wire.Compacted, m)
}

// omit makes the records anew without the data that the client does not want.
func (sub *subscription) omit(records []byte) ([]byte, error) {
	if sub.omitOver < 0 {
		return records, nil
	}
	var out []byte
	for batch, err := range event.Records(records) {
		if err != nil {
			return nil, err
		}
		frames := make([]byte, 0, len(batch.Frames))
		for f, err := range batch.Events() {
			if err != nil {
				return nil, err
			}
			if f.DataLen > sub.omitOver {
				frames = f.Omit(frames)
			} else {
				frames = f.Append(frames)
			}
		}
		batch.Frames = frames
		out = batch.AppendRecord(out)
	}
	return out, nil
}

// grant adds to the credit.
func (sub *subscription) grant(bytes int64) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.credit = min(sub.credit+bytes, maxCredit)
	if sub.credit > 0 {
		select {
		case sub.more <- struct{}{}:
		default:
		}
	}
}

// awaitCredit waits until something may be sent. It returns false when ctx has
// ended.
func (sub *subscription) awaitCredit(ctx context.Context) bool {
	for {
		sub.mu.Lock()
		credit := sub.credit
		sub.mu.Unlock()
		if credit > 0 {
			return ctx.Err() == nil
		}
		select {
		case <-sub.more:
		case <-ctx.Done():
			return false
		}
	}
}

// maxCredit keeps sums of credit from overflowing, in bytes.
const maxCredit = 1 << 60

func clampCredit(bytes uint64) int64 { return int64(min(bytes, maxCredit)) }
