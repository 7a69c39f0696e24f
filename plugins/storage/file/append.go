package file

import (
	"bytes"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// accepted is a request that has been checked, with what is new in it.
type accepted struct {
	at      int // in the round
	chain   *chain
	records []byte
	first   event.Seq
	next    event.Seq
}

// Append implements [storage.Store]: it checks the requests, writes what they
// bring to the journal with one sync, and makes it visible. All of it happens
// on the caller's goroutine.
func (s *Store) Append(round []storage.AppendRequest) []error {
	errs := make([]error, len(round))
	if err := s.begin(); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	defer s.calls.RUnlock()
	s.appending.Lock()
	defer s.appending.Unlock()
	s.round++
	s.accepted, s.inUse = s.accepted[:0], s.inUse[:0]
	for i, request := range round {
		a, err := s.check(request)
		if errs[i] = err; err == nil && len(a.records) > 0 {
			a.at = i
			s.accepted = append(s.accepted, a)
		}
	}
	s.commitAll(errs)
	for _, h := range s.inUse {
		h.mu.RUnlock()
	}
	clear(s.inUse)
	clear(s.accepted)
	clear(s.entries)
	return errs
}

// commitAll commits what has been accepted, in as many rounds as it takes.
func (s *Store) commitAll(errs []error) {
	for rest := s.accepted; len(rest) > 0; {
		n, size := fit(rest)
		if err := s.commit(rest[:n], size); err != nil {
			for _, a := range rest[:n] {
				errs[a.at] = err
			}
		}
		rest = rest[n:]
	}
}

// fit returns how many of the requests make the next round, and the size of
// that round.
func fit(requests []accepted) (n, size int) {
	size = roundHeader
	for n < len(requests) {
		more := entryHeader + len(requests[n].chain.name) + len(requests[n].records)
		if n > 0 && size+more > maxRound {
			break
		}
		size += more
		n++
	}
	return n, size
}

// commit makes the requests durable, as one round, and then visible.
func (s *Store) commit(requests []accepted, size int) error {
	padded := (size + block - 1) / block * block
	if err := s.room(int64(padded)); err != nil {
		return err
	}
	s.entries = s.entries[:0]
	for _, a := range requests {
		s.entries = append(s.entries, entry{a.chain.id, a.chain.name, a.records})
	}
	b := s.buffers.get(padded)
	b.bytes = appendRound(b.bytes, s.journal.store, s.journal.rounds, s.entries, func(i int, records []byte) {
		requests[i].records = records
	})
	used := len(b.bytes)
	b.bytes = b.bytes[:padded]
	clear(b.bytes[used:])
	rolled, err := s.journal.write(b.bytes)
	if err != nil {
		s.buffers.put(b)
		return err
	}
	s.publish(requests, b, rolled)
	return nil
}

// publish makes a durable round visible.
func (s *Store) publish(requests []accepted, b *buffer, rolled bool) {
	b.users.Store(int64(len(requests)))
	var queue []*chain
	for _, a := range requests {
		if a.chain.place(piece{a.first, a.next, a.records, b}, uint64(a.next-a.first)) {
			queue = append(queue, a.chain)
		}
	}
	s.mu.Lock()
	s.pending = append(s.pending, queue...)
	s.published = s.journal.rounds
	before := s.unwritten
	s.unwritten += int64(cap(b.bytes))
	flush := before/flushAt != s.unwritten/flushAt
	if s.scrubs.done < s.scrubs.asked {
		s.progress.Broadcast() // see awaitPublished
	}
	s.mu.Unlock()
	if rolled || flush {
		s.wake()
	}
}

// wake asks for a pass of writeBehind.
func (s *Store) wake() {
	select {
	case s.kick <- struct{}{}:
	default: // one is asked for already
	}
}

// room waits until a round of this size may be written: while writing behind
// makes progress, but not for a full disk.
func (s *Store) room(size int64) error {
	if block+size > s.options.JournalSegmentSize {
		return fault.New(fault.TooLarge, "an append takes %d bytes in the journal, of which a segment has %d; raise journal_segment_size", size, s.options.JournalSegmentSize)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if err := s.disk.failure(); err != nil {
			return err
		}
		fits := s.journal.fits(size)
		if fits && s.unwritten < s.options.maxUnwritten {
			return nil
		}
		s.behind = s.behind || !fits
		pass := s.passes
		s.wake()
		for s.passes == pass {
			s.progress.Wait()
		}
		if s.full != nil {
			return s.full
		}
	}
}

// check checks a request's records and finds out which of them are new. The
// chain stays in use until the round has ended.
func (s *Store) check(request storage.AppendRequest) (accepted, error) {
	h, ok := request.Chain.(*handle)
	if !ok || h.store != s {
		return accepted{}, fault.New(fault.BadRequest, "an append names a chain that this store did not open")
	}
	if h.chain.round == s.round {
		return accepted{}, fault.New(fault.BadRequest, "chain %q stands in one round of appends twice", h.name)
	}
	h.chain.round = s.round
	h.mu.RLock()
	s.inUse = append(s.inUse, h)
	return h.check(request.Records)
}

func (h *handle) check(records []byte) (accepted, error) {
	switch {
	case h.closed:
		return accepted{}, fault.New(fault.BadRequest, "chain %q has been closed", h.name)
	case len(records) == 0:
		return accepted{}, fault.New(fault.BadRequest, "an append to chain %q has no records", h.name)
	case len(records) > storage.MaxAppend:
		return accepted{}, fault.New(fault.TooLarge, "an append to chain %q has %d bytes; at most %d are allowed", h.name, len(records), storage.MaxAppend)
	}
	return h.chain.check(records)
}

func (c *chain) check(records []byte) (accepted, error) {
	next := c.state().Next
	a := accepted{chain: c, records: records, first: next}
	for expected, rest := next, records; len(rest) > 0; a.next = expected {
		batch, after, err := event.CutRecord(rest)
		if err != nil {
			return accepted{}, c.refused(err)
		}
		for _, err := range batch.Events() {
			if err != nil {
				return accepted{}, c.refused(err)
			}
		}
		if len(rest) == len(records) {
			expected = min(batch.First, next)
		}
		if batch.First != expected {
			return accepted{}, fault.New(fault.OutOfSequence, "chain %q: an append has seq %d where %d is next", c.name, batch.First, expected)
		}
		if batch.First < next {
			if err := c.checkHeld(rest[:len(rest)-len(after)], batch.First); err != nil {
				return accepted{}, err
			}
			a.records = after
		}
		expected, rest = batch.Next(), after
	}
	return a, nil
}

// checkHeld checks that a record, which begins before the chain's end, is held
// byte for byte.
func (c *chain) checkHeld(record []byte, first event.Seq) error {
	held, err := c.read(nil, first, len(record))
	if err != nil {
		return err
	}
	if !bytes.Equal(held, record) {
		return fault.New(fault.OutOfSequence, "chain %q: an append has another record for seq %d than the one that is held", c.name, first)
	}
	return nil
}

func (c *chain) refused(err error) error {
	return fault.New(fault.CodeOf(err), "chain %q: an append is refused: %s", c.name, fault.From(err).Reason)
}
