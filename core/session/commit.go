package session

import (
	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// commit adds a commit to those that the chain is given next. It waits while
// the client has too much unanswered.
func (s *Session) commit(payload []byte) error {
	m := &s.message
	m.Reset()
	if err := stream.Unmarshal(wire.Commit, payload, m); err != nil {
		return err
	}
	c := s.newCommit()
	c.Writer = chain.Writer{Session: s.id, Proven: s.proven}
	c.Count, c.Frames, c.Evidence = int(m.Count), m.Frames, m.Evidence
	c.Resent, c.ResentFrom = m.ResentFrom != nil, event.Seq(m.GetResentFrom())
	c.Answer = s.answerFunc
	if copy(c.ID[:], m.Id) != len(c.ID) || len(m.Id) != len(c.ID) {
		return fault.New(fault.BadMessage, "a commit's id has %d bytes; it must have %d", len(m.Id), len(c.ID))
	}
	if len(m.Expected) > wire.MaxExpected {
		return fault.New(fault.TooLarge, "a commit expects %d versions; at most %d are allowed", len(m.Expected), wire.MaxExpected)
	}
	for _, e := range m.Expected {
		c.Expected = append(c.Expected, chain.Expected{Key: e.Key, Exists: e.Seq != nil, Seq: event.Seq(e.GetSeq())})
	}
	if err := s.reserve(weight(c)); err != nil {
		return err
	}
	s.batch = append(s.batch, c)
	return nil
}

// newCommit takes a commit from a small stock, so that each costs less than an
// allocation.
func (s *Session) newCommit() *chain.Commit {
	if len(s.stock) == 0 {
		s.stock = make([]chain.Commit, commitStock)
	}
	c := &s.stock[0]
	s.stock = s.stock[1:]
	return c
}

// commitBatch gives the chain what was received together, so that a client
// that pipelines gets large rounds.
func (s *Session) commitBatch() {
	if len(s.batch) == 0 {
		return
	}
	s.committing.Store(true)
	s.chain.Commit(s.batch...)
	s.committing.Store(false)
	clear(s.batch)
	s.batch = s.batch[:0]
}

// reserve counts a commit as unanswered, once there is room for it.
func (s *Session) reserve(size int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ended == nil && s.fullLocked(size) {
		s.mu.Unlock()
		s.commitBatch()
		err := s.conn.Flush() // the answers that the client may be waiting for
		s.mu.Lock()
		if err != nil {
			return err
		}
		if s.ended == nil && s.fullLocked(size) {
			s.room.Wait()
		}
	}
	if s.ended != nil {
		return s.ended
	}
	s.commits++
	s.commitBytes += size
	return nil
}

// expectedWeight is about how much memory an expected version takes, in bytes.
const expectedWeight = event.MaxKey + 64

// weight is about how much memory a commit takes, in bytes.
func weight(c *chain.Commit) int {
	return len(c.Frames) + len(c.Evidence) + len(c.Expected)*expectedWeight
}

func (s *Session) fullLocked(size int) bool {
	return s.commits >= MaxCommits || s.commits > 0 && s.commitBytes+size > MaxCommitBytes
}

// answer is called by whoever leads the chain's round.
func (s *Session) answer(c *chain.Commit, r chain.Result) {
	s.mu.Lock()
	if s.ended == nil {
		s.queueAnswerLocked(r)
	}
	s.commits--
	s.commitBytes -= weight(c)
	s.room.Broadcast()
	s.mu.Unlock()
	if !s.committing.Load() {
		s.wakeWriter()
	}
}

func (s *Session) queueAnswerLocked(r chain.Result) {
	if r.Err == nil {
		s.committed.First, s.committed.Next = uint64(r.First), uint64(r.Next)
		if s.committed.Head = nil; r.Head.Size > s.head.Size { // many commits share a round, and its head
			s.committed.Head = &s.head
			s.head.Size, s.root = r.Head.Size, r.Head.Root
		}
		s.conn.Queue(wire.Committed, &s.committed)
		return
	}
	if fault.Is(r.Err, fault.Unavailable) {
		// Whether it is stored is not certain, so neither it nor what comes
		// after it is answered: the client connects again and sends them again.
		s.ended = r.Err
		s.end(r.Err)
		return
	}
	f := fault.From(r.Err)
	m := &wirepb.Rejected{Code: string(f.Code), Reason: f.Reason}
	if r.Event >= 0 {
		m.Event = new(uint32(r.Event))
	}
	s.conn.Queue(wire.Rejected, m)
}
