package clienttest

import (
	"sort"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// subscription sends a chain's records to one session.
type subscription struct {
	session *session
	next    event.Seq
	live    bool
	omit    *uint32
	restart bool      // the client wants to begin again where tombstones are gone
	told    event.Seq // of what was dropped, up to here
	asOf    event.Seq // tombstones that were dropped at or before this do not concern the client
	stopped chan struct{}
	once    sync.Once

	mu     sync.Mutex // guards what follows
	credit int
	more   chan struct{} // takes one word that there is credit
}

func (s *session) subscribe(m *wirepb.Subscribe) {
	if s.sub != nil {
		s.sub.stop()
	}
	sub := &subscription{
		session: s, next: event.Seq(m.From), live: m.Live, omit: m.OmitDataOver, restart: m.Restart, asOf: event.Seq(m.AsOf),
		stopped: make(chan struct{}), credit: int(m.Credit), more: make(chan struct{}, 1),
	}
	s.sub = sub
	s.work.Go(sub.run)
}

func (s *subscription) stop() { s.once.Do(func() { close(s.stopped) }) }

func (s *subscription) grant(bytes int) {
	s.mu.Lock()
	s.credit += bytes
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *subscription) run() {
	s.begin()
	if _, err := s.sayCompacted(s.next); err != nil {
		return
	}
	caughtUp := false
	for s.waitForCredit() {
		records, next, changed := s.cut()
		restarted, err := s.sayCompacted(s.next)
		if err != nil {
			return
		}
		if restarted {
			caughtUp = false
			continue
		}
		if len(records) > 0 {
			if !s.send(records, next) {
				return
			}
			continue
		}
		if !caughtUp {
			caughtUp = true
			c := s.session.chain
			c.mu.Lock()
			head := c.head()
			c.mu.Unlock()
			if s.session.send(wire.CaughtUp, &wirepb.CaughtUp{Next: uint64(next), Head: head.Proto()}) != nil || !s.live {
				return
			}
		}
		select {
		case <-changed:
		case <-s.stopped:
			return
		}
	}
}

func (s *subscription) waitForCredit() bool {
	for {
		s.mu.Lock()
		credit := s.credit
		s.mu.Unlock()
		if credit > 0 {
			return true
		}
		select {
		case <-s.more:
		case <-s.stopped:
			return false
		}
	}
}

func (s *subscription) send(records []byte, next event.Seq) bool {
	select {
	case <-s.stopped:
		return false
	default:
	}
	s.mu.Lock()
	s.credit -= len(records)
	s.mu.Unlock()
	s.session.server.mu.Lock()
	change := s.session.server.faults.Events
	s.session.server.mu.Unlock()
	if change != nil {
		records = change(records)
	}
	s.next = next
	return s.session.send(wire.Events, &wirepb.Events{Records: records}) == nil
}

// cut copies the next records, and returns what to wait for if there are none.
func (s *subscription) cut() (records []byte, next event.Seq, changed <-chan struct{}) {
	c := s.session.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	next = s.next
	from := sort.Search(len(c.records), func(i int) bool {
		first, count, _, err := event.PeekRecord(c.records[i])
		return err == nil && first+event.Seq(count) > s.next
	})
	size, to := 0, from
	for ; to < len(c.records) && (to == from || size+len(c.records[to]) <= wire.MaxEvents); to++ {
		size += len(c.records[to])
	}
	records = make([]byte, 0, size)
	for _, record := range c.records[from:to] {
		records = s.appendRecord(records, record)
		if first, count, _, err := event.PeekRecord(record); err == nil {
			next = first + event.Seq(count)
		}
	}
	if len(records) == 0 {
		next = max(next, c.next)
	}
	return records, next, c.changed
}

// appendRecord appends a record, without the data that is not wanted.
func (s *subscription) appendRecord(dst, record []byte) []byte {
	if s.omit == nil {
		return append(dst, record...)
	}
	batch, _, err := event.CutRecord(record)
	if err != nil {
		return append(dst, record...)
	}
	var frames []byte
	for frame, err := range batch.Events() {
		switch {
		case err != nil:
			return append(dst, record...)
		case frame.DataLen > int(*s.omit):
			frames = frame.Omit(frames)
		default:
			frames = frame.Append(frames)
		}
	}
	batch.Frames = frames
	return batch.AppendRecord(dst)
}
