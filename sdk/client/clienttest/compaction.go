package clienttest

import (
	"time"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// gone is what is known of what compaction dropped.
type gone struct {
	before     event.Seq // all of it is
	tombstones event.Seq // all tombstones that were dropped are before this
	at         event.Seq // the chain's next when the last ones were
}

// compact drops events as a server does.
func (c *chain) compact(seqs []event.Seq) {
	c.mu.Lock()
	defer c.mu.Unlock()
	begin := c.next
	c.appendOwn(authority.LiveBegin())
	c.appendOwn(c.judge.tree.LiveObjects().Live(begin).Header())
	for _, seq := range seqs {
		c.gone.before = max(c.gone.before, seq+1)
		if c.isTombstone(seq) {
			c.gone.tombstones, c.gone.at = max(c.gone.tombstones, seq+1), c.next
		}
	}
	c.drop(seqs)
}

// appendOwn appends an event that only the server writes.
func (c *chain) appendOwn(h event.Header) {
	encoded, err := h.Encode()
	if err != nil {
		panic(err) // the server's own headers are good
	}
	headers := make([]eventpb.Header, 1)
	if err := event.UnmarshalHeader(encoded, &headers[0]); err != nil {
		panic(err)
	}
	batch := event.Batch{First: c.next, Time: time.Now().UnixMicro(), Count: 1, Frames: event.AppendFrame(nil, encoded, nil)}
	c.judge.follow(&batch, headers)
	c.note(&batch, headers, len(c.records))
	c.records = append(c.records, batch.AppendRecord(nil))
	c.grow(leavesOf(&batch, c.id))
	c.notify()
}

func (c *chain) isTombstone(seq event.Seq) bool {
	record := c.appendEvent(nil, seq)
	batch, _, err := event.CutRecord(record)
	if err != nil {
		return false
	}
	f, _, err := event.CutFrame(batch.Frames)
	if err != nil {
		return false
	}
	h, err := event.DecodeHeader(f.Header)
	return err == nil && h.Tombstone
}

// sayCompacted tells the client what was dropped from where the subscription
// was, as the wire protocol says, and returns whether the subscription begins
// again.
func (s *subscription) sayCompacted(from event.Seq) (restarted bool, err error) {
	s.session.chain.mu.Lock()
	gone := s.session.chain.gone
	s.session.chain.mu.Unlock()
	tombstones := from < gone.tombstones && s.asOf < gone.at
	if !tombstones && (from >= gone.before || s.told == gone.before) {
		return false, nil
	}
	m := &wirepb.Compacted{Before: uint64(gone.before), TombstonesGone: tombstones, Restarted: tombstones && s.restart}
	s.told = gone.before
	if tombstones {
		m.AsOf, s.asOf = uint64(gone.at), gone.at
	}
	if m.Restarted {
		s.next = 1
	}
	return m.Restarted, s.session.send(wire.Compacted, m)
}

// begin takes note that a client which begins with nothing misses nothing of what
// was dropped before.
func (s *subscription) begin() {
	s.session.chain.mu.Lock()
	defer s.session.chain.mu.Unlock()
	if gone := s.session.chain.gone; s.next <= 1 {
		s.told, s.asOf = gone.before, max(s.asOf, gone.at)
	}
}
