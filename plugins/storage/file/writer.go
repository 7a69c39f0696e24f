package file

import (
	"github.com/atedb/atedb/sdk/event"
)

// flush moves the chain's tail, as it is now, to the active segment's file. It
// reports whether there is a tail again.
func (c *chain) flush() (more bool, err error) {
	c.files.Lock()
	defer c.files.Unlock()
	err = c.flushLocked()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queued = len(c.tail) > 0
	return c.queued, err
}

func (c *chain) flushLocked() error {
	c.mu.RLock()
	until := c.next
	c.mu.RUnlock()
	for {
		c.mu.RLock()
		tail := c.tail
		c.mu.RUnlock()
		if len(tail) == 0 || tail[0].first >= until {
			return nil
		}
		limit := c.store.options.SegmentSize
		if c.active.events > 0 && c.active.size+int64(len(tail[0].records)) > limit {
			if err := c.roll(); err != nil {
				return err
			}
		}
		n, size := 1, len(tail[0].records)
		for n < len(tail) && size+len(tail[n].records) <= maxGather && c.active.size+int64(size+len(tail[n].records)) <= limit {
			size += len(tail[n].records)
			n++
		}
		if err := c.writeOut(tail[:n], size); err != nil {
			return err
		}
	}
}

// writeOut writes the first pieces of the tail, of size bytes together, to the
// end of the active segment.
func (c *chain) writeOut(pieces []piece, size int) error {
	if err := c.adopt(); err != nil {
		return err
	}
	f, err := c.store.segments.acquire(c.active.path)
	if err != nil {
		return ioFault(err, "opening "+c.active.path)
	}
	defer c.store.segments.release(f)
	b := pieces[0].records
	if len(pieces) > 1 {
		gathered := c.store.buffers.get(size)
		defer c.store.buffers.put(gathered)
		b = gathered.bytes
		for _, p := range pieces {
			b = append(b, p.records...)
		}
	}
	if _, err := f.WriteAt(b, c.active.size); err != nil {
		return ioFault(err, "writing "+c.active.path)
	}
	c.store.segments.wrote(f)
	c.writtenOut(pieces)
	return nil
}

// writtenOut takes pieces that are in the file now off the tail.
func (c *chain) writtenOut(pieces []piece) {
	c.mu.Lock()
	for _, p := range pieces {
		for rest := p.records; len(rest) > 0; {
			first, count, size, err := event.PeekRecord(rest)
			if err != nil {
				panic(err) // Append has checked them
			}
			c.active.note(first, count, size)
			rest = rest[size:]
		}
	}
	if c.tail = c.tail[len(pieces):]; len(c.tail) == 0 {
		c.tail = nil
	}
	c.mu.Unlock()
	for _, p := range pieces {
		c.store.freed(p.in.release())
	}
}

// roll closes the active segment, durably, and begins another. The caller
// holds files.
func (c *chain) roll() error {
	old := c.active
	f, err := c.store.segments.acquire(old.path)
	if err != nil {
		return ioFault(err, "opening "+old.path)
	}
	defer c.store.segments.release(f)
	if err := c.store.disk.sync(f, old.path); err != nil {
		return err
	}
	c.lastNumber++ // not used again, whatever comes of this
	active := newSegment(c.dir, c.lastNumber, old.next)
	if err = c.makeSegment(active); err == nil {
		err = c.switchTo(append(c.closed[:len(c.closed):len(c.closed)], old), active)
	}
	if err != nil {
		c.store.disk.abandon(active.path)
		return err
	}
	// Without the footer the index is made from the records, so a failure
	// costs time and nothing else.
	if _, err := f.WriteAt(old.index.encode(), old.size); err == nil {
		c.store.segments.wrote(f)
	}
	return nil
}

// switchTo makes these the chain's segments, durably and atomically. The
// caller holds files.
func (c *chain) switchTo(closed []*segment, active *segment) error {
	if err := c.store.disk.write(c.path(manifestName), c.manifest(closed, active).encode()); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.active = closed, active
	return nil
}

// writeBehind is the goroutine that moves what is in the journal to the
// chains' files. It owns the growth and the reclaiming of the journal.
func (s *Store) writeBehind() {
	for {
		select {
		case <-s.kick:
			s.pass()
		case <-s.stop:
			return
		}
	}
}

// pass writes out all tails and sees to it that the journal has a free file.
// It then wakes the appends that wait for room, and scrubs the journal if asked.
func (s *Store) pass() {
	s.endPass(s.makeRoom())
	s.scrubIfAsked()
}

// endPass takes note of what came of a pass, and wakes those who wait for one.
func (s *Store) endPass(err error) {
	if err != nil && !isFull(err) && s.disk.failure() == nil {
		s.disk.fail(err, "writing out what is in the journal")
	}
	if failure := s.disk.failure(); failure != nil && s.reported.CompareAndSwap(false, true) {
		s.log.Error("storage is read-only", "reason", failure)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if isFull(err) && s.full == nil {
		s.log.Error("the disk is full", "error", err)
	}
	if s.full = nil; isFull(err) {
		s.full = err
	}
	s.passes++
	s.progress.Broadcast()
}

func (s *Store) makeRoom() error {
	before, err := s.drain()
	if err != nil {
		return err
	}
	if s.journal.low() && s.journal.mayGrow() && s.segments.spread() {
		// To sync very many files takes long however little is in them, so the
		// journal grows first.
		if err := s.journal.grow(); !isFull(err) {
			return err
		}
	}
	if s.journal.low() && s.journal.reclaimable() {
		if err := s.segments.sync(); err != nil {
			return err
		}
		if err := s.journal.reclaim(before); err != nil {
			return err
		}
	}
	s.mu.Lock()
	behind := s.behind
	s.behind = false
	s.mu.Unlock()
	if behind || s.journal.low() {
		err := s.journal.grow()
		if isFull(err) && s.journal.spare() > 0 {
			err = nil // it goes on with what it has
		}
		return err
	}
	return nil
}

// drain writes out all tails. Rounds before the one that it returns are in the
// chains' files then, though not synced.
func (s *Store) drain() (before uint64, err error) {
	s.mu.Lock()
	pending := s.pending
	s.pending = nil
	before = s.published
	s.mu.Unlock()
	for i, c := range pending {
		more, err := c.flush()
		if more || err != nil {
			s.mu.Lock()
			s.pending = append(s.pending, c)
			s.mu.Unlock()
		} else {
			s.evict(c)
		}
		if err != nil {
			s.mu.Lock()
			s.pending = append(s.pending, pending[i+1:]...)
			s.mu.Unlock()
			return 0, err
		}
	}
	return before, nil
}

// evict forgets a chain that needs no place in memory.
func (s *Store) evict(c *chain) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.mu.RLock()
	defer c.mu.RUnlock()
	if !c.open && !c.queued && s.chains[c.name] == c {
		delete(s.chains, c.name)
	}
}

// freed takes note of memory that records gave back.
func (s *Store) freed(bytes int64) {
	if bytes == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unwritten -= bytes
}
