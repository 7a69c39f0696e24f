package client

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// SubscribeOptions says which events a subscription wants.
type SubscribeOptions struct {
	From event.Seq // the first seq wanted
	Live bool      // go on with new events after those already there
	// OmitData leaves out the data of events that have more than OmitDataOver
	// bytes of it.
	OmitData     bool
	OmitDataOver uint32
	// OnCompacted, unless nil, is called by Next, in its place among the events,
	// when the server says that some of those that come next were dropped. It is
	// not when the subscription begins at the chain's first event or the one after:
	// then nothing is amiss.
	OnCompacted func(Compacted)
	// Restart has the subscription begin again with event 1 after it has called
	// OnCompacted with Forgotten. The package comment shows what for.
	Restart bool
}

// Subscription delivers the chain's events once each, in order, across lost
// connections, unless it begins again: see [SubscribeOptions.Restart]. What
// compaction dropped is missing. One goroutine at a time may call Next; the other
// methods may be called at any time.
type Subscription struct {
	client  *Client
	options SubscribeOptions
	next    atomic.Uint64 // the seq after the last event delivered; Next writes it
	asOf    atomic.Uint64 // as wirepb.Subscribe has it; Next writes it, and resume the first

	caughtUp chan struct{}
	wake     chan struct{} // tells Next to look at queue again

	// Next's own.
	cursor   cursor
	finished error       // what Next answers from now on
	held     StoredEvent // if holds: read, and not verified yet
	holds    bool

	mu     sync.Mutex // guards what follows; never held while Client.mu is taken
	conn   *wire.Conn // what queue came from
	queue  []delivery
	queued int // bytes of records in queue
	taken  int // bytes that Next has at hand
	owed   int // bytes consumed for which no credit was given yet
	err    error
}

// delivery is what came for a subscription: records, or the mark after history,
// or what was dropped, or the word that a new connection begins.
type delivery struct {
	records   []byte
	caughtUp  bool
	next      event.Seq // with caughtUp
	compacted *wirepb.Compacted
	resumed   bool
}

// Subscribe delivers the chain's events from a seq on. A client has one
// subscription at a time; another while it is open is bad_request. A second
// one after the first was closed takes a new connection, at which locks are lost.
//
// The server sends at most Options.Window bytes ahead of what Next has
// consumed, so a subscription that nobody reads costs no more than that.
func (c *Client) Subscribe(options SubscribeOptions) (*Subscription, error) {
	s := &Subscription{
		client:   c,
		options:  options,
		caughtUp: make(chan struct{}),
		wake:     make(chan struct{}, 1),
	}
	s.next.Store(uint64(options.From))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		return nil, c.err
	case c.sub != nil:
		return nil, fault.New(fault.BadRequest, "the client has a subscription already; close it or dial another client")
	}
	c.sub = s
	switch {
	case c.conn == nil: // resume subscribes
	case c.subbed:
		c.conn.Close()
	default:
		c.subbed = true
		s.resume(c.conn)
		c.flushSoon()
	}
	return s, nil
}

// resume asks for what is not delivered yet. What the last connection brought
// beyond that is forgotten: it comes again. The caller holds Client.mu.
func (s *Subscription) resume(conn *wire.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
	s.queue, s.queued, s.taken, s.owed = []delivery{{resumed: true}}, 0, 0, 0
	if next := s.next.Load(); next <= 1 { // the application holds nothing yet
		s.asOf.Store(s.client.latest.Size)
	}
	m := &wirepb.Subscribe{
		From: s.next.Load(), Live: s.options.Live, Credit: uint64(s.client.options.Window),
		AsOf: s.asOf.Load(), Restart: s.options.Restart,
	}
	if s.options.OmitData {
		m.OmitDataOver = &s.options.OmitDataOver
	}
	conn.Queue(wire.Subscribe, m)
}

// deliver hands what conn brought to the subscription, if it is still open and
// asked for it there. A server that sends more than it has credit for breaks
// the protocol.
func (c *Client) deliver(conn *wire.Conn, d delivery) error {
	c.mu.Lock()
	s := c.sub
	c.mu.Unlock()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != conn {
		return nil
	}
	if window := c.options.Window; s.queued+s.taken >= window+wire.MaxEvents {
		return fault.New(fault.BadMessage, "the server sent events beyond the credit of %d bytes that it was given", window)
	}
	s.queue = append(s.queue, d)
	s.queued += len(d.records)
	s.notify()
	return nil
}

// Next returns the next event. After the last one of a subscription that is
// not live, it returns io.EOF. Any other error but that of ctx is final too:
// an event that fails its check is damaged, one out of order bad_message; it
// ends the subscription and not the client.
//
// In a chain of distributed trust, an event is returned once the client has
// verified the log up to it. What is missing was dropped by compaction, or kept
// back by the server: that cannot be told apart, but the newest event of an
// object cannot be kept back from [Client.Get].
func (s *Subscription) Next(ctx context.Context) (StoredEvent, error) {
	for {
		if !s.holds {
			if err := s.read(ctx); err != nil {
				return StoredEvent{}, err
			}
		}
		if s.finished != nil {
			return StoredEvent{}, s.finished
		}
		there, err := s.verify(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return StoredEvent{}, err
		case err != nil:
			s.finish(err)
			return StoredEvent{}, err
		}
		s.holds = false
		s.next.Store(uint64(s.held.Seq) + 1)
		if there {
			return s.held, nil
		}
	}
}

// read takes the next event from what has come, and waits for it. It returns
// the error of ctx only; at any other, the subscription is finished.
func (s *Subscription) read(ctx context.Context) error {
	for s.finished == nil {
		seq, frame, ok, err := s.cursor.next()
		switch {
		case err != nil:
			s.finish(err)
		case !ok:
			if err := s.take(ctx); err != nil {
				return err
			}
		case uint64(seq) >= s.next.Load():
			if s.held, err = s.client.decode(&s.cursor.batch, seq, frame); err == nil {
				s.holds = true
				return nil
			}
			s.finish(err)
		}
	}
	return nil
}

// verify compares the event held with what the client's audit has verified, if
// the chain is audited. It returns false if that says that it was dropped.
func (s *Subscription) verify(ctx context.Context) (bool, error) {
	a, err := s.client.audited(ctx)
	if err != nil || a == nil {
		return err == nil, err
	}
	return a.check(ctx, &s.held)
}

// NextBatch returns the next batch as the server sent it, for who verifies a
// log: it is checked by its checksum and its place alone. A batch without events
// says that all before its First have come: compaction dropped the last ones.
// Next must not be called on the same subscription.
func (s *Subscription) NextBatch(ctx context.Context) (event.Batch, error) {
	for s.finished == nil {
		switch {
		case len(s.cursor.records) == 0:
			before := s.next.Load()
			if err := s.take(ctx); err != nil {
				return event.Batch{}, err
			}
			if next := s.next.Load(); next > before {
				return event.Batch{First: event.Seq(next)}, nil
			}
		default:
			if err := s.cursor.begin(); err != nil {
				s.finish(err)
				break
			}
			batch := s.cursor.batch
			s.cursor.left, s.cursor.frames = 0, nil
			if next := uint64(batch.Next()); next > s.next.Load() {
				s.next.Store(next)
				return batch, nil
			}
		}
	}
	return event.Batch{}, s.finished
}

// take makes what the queue holds next the cursor's, and waits for it. It
// returns the error of ctx only.
func (s *Subscription) take(ctx context.Context) error {
	for {
		d, ok := s.shift()
		if ok {
			s.apply(d)
			return nil
		}
		if s.finished != nil {
			return nil
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// shift removes the head of the queue, and gives the server credit for what
// was at hand before.
func (s *Subscription) shift() (d delivery, ok bool) {
	s.mu.Lock()
	s.owed += s.taken
	s.taken = 0
	conn, credit := s.conn, s.owed
	if credit < s.client.options.Window/2 {
		credit = 0
	}
	s.owed -= credit
	if ok = len(s.queue) > 0; ok {
		d, s.queue[0] = s.queue[0], delivery{}
		s.queue = s.queue[1:]
		s.taken = len(d.records)
		s.queued -= s.taken
	} else if s.err != nil {
		s.finished = s.err
	}
	s.mu.Unlock()
	if credit > 0 {
		conn.Queue(wire.Credit, &wirepb.Credit{Bytes: uint64(credit)})
		flush(conn)
	}
	return d, ok
}

func (s *Subscription) apply(d delivery) {
	switch {
	case d.resumed:
		s.cursor = cursor{ordered: true}
	case d.caughtUp:
		s.reachEnd(d.next)
	case d.compacted != nil:
		s.compacted(d.compacted)
	default:
		s.cursor.records = d.records
	}
	s.client.mu.Lock()
	s.client.advance(event.Seq(s.next.Load()))
	s.client.mu.Unlock()
}

// reachEnd takes note that all history has been delivered.
func (s *Subscription) reachEnd(next event.Seq) {
	if uint64(next) > s.next.Load() { // compaction dropped the last ones
		s.next.Store(uint64(next))
	}
	select {
	case <-s.caughtUp:
	default:
		close(s.caughtUp)
	}
	if !s.options.Live {
		s.finish(io.EOF)
	}
}

// Buffered reports whether more events have come already, so that Next need
// not wait. It belongs to the goroutine that calls Next.
func (s *Subscription) Buffered() bool {
	if s.cursor.left > 0 || len(s.cursor.records) > 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queued > 0
}

// CaughtUp is closed by Next once it has returned every event that the chain
// had when the subscription began, and is called again.
func (s *Subscription) CaughtUp() <-chan struct{} { return s.caughtUp }

// Close ends the subscription; Next then returns [ErrClosed]. It always
// returns nil.
func (s *Subscription) Close() error {
	s.detach()
	s.fail(ErrClosed)
	return nil
}

// finish ends the subscription from Next.
func (s *Subscription) finish(err error) {
	s.finished = err
	s.detach()
}

func (s *Subscription) detach() {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	if s.client.sub == s {
		s.client.sub = nil
	}
}

// fail makes Next fail with err, at once: what is queued is forgotten.
func (s *Subscription) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.queue, s.queued = nil, 0
	s.notify()
}

// notify wakes Next. The caller holds mu.
func (s *Subscription) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
