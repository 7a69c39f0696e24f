// Package fanout brings a chain's events to its subscribers.
//
// A subscriber is a cursor. It pulls: from a short tail of the newest records
// while it keeps up, and from storage when it has fallen further behind, so
// that a slow one costs the daemon no memory and nobody else any time.
package fanout

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/atedb/atedb/sdk/event"
)

// maxTail is how many bytes of records a feed keeps for its subscribers.
const maxTail = 2 << 20

// Source is where records are read that are no longer in the tail.
type Source interface {
	// Read appends records to dst as storage.Chain's Read does.
	Read(ctx context.Context, dst []byte, from event.Seq, maxBytes int, headersOnly bool) ([]byte, error)
}

// Feed is the events of one chain, for those who subscribe to them.
type Feed struct {
	source Source

	mu          sync.Mutex // guards what follows
	next        event.Seq  // everything before it may be sent
	tail        []round    // the newest rounds, oldest first, without a gap
	tailBytes   int
	subscribers map[*Subscription]struct{}
}

// round is what became durable together.
type round struct {
	first, next event.Seq
	records     []byte // never changed
}

// NewFeed returns the feed of a chain whose next seq is next.
func NewFeed(source Source, next event.Seq) *Feed {
	return &Feed{source: source, next: next, subscribers: make(map[*Subscription]struct{})}
}

// Publish tells the subscribers of records that became durable, whose last
// event is before next. It copies the records if anybody wants them.
func (f *Feed) Publish(records []byte, next event.Seq) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := f.next
	f.next = next
	if len(f.subscribers) == 0 {
		f.tail, f.tailBytes = nil, 0
		return
	}
	f.tail = append(f.tail, round{first, next, append([]byte(nil), records...)})
	f.tailBytes += len(records)
	for f.tailBytes > maxTail && len(f.tail) > 1 {
		f.tailBytes -= len(f.tail[0].records)
		f.tail[0] = round{}
		f.tail = f.tail[1:]
	}
	for s := range f.subscribers {
		s.signal()
	}
}

// Forget has what was published so far come from storage, where something of it
// has changed.
func (f *Feed) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tail, f.tailBytes = nil, 0
}

// Passed returns the seq before which every subscription was given everything, and
// has come for more.
func (f *Feed) Passed() event.Seq {
	f.mu.Lock()
	defer f.mu.Unlock()
	passed := f.next
	for s := range f.subscribers {
		passed = min(passed, event.Seq(s.passed.Load()))
	}
	return passed
}

// Subscribe returns a subscription that begins with the first event at or
// after from. It must be closed.
func (f *Feed) Subscribe(from event.Seq) *Subscription {
	s := &Subscription{feed: f, wake: make(chan struct{}, 1)}
	s.Seek(from)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subscribers[s] = struct{}{}
	return s
}

// Subscription is one subscriber's place in a feed. One goroutine at a time
// may use it.
type Subscription struct {
	feed   *Feed
	cursor event.Seq
	passed atomic.Uint64 // the cursor when the last call of Next began
	wake   chan struct{} // holds a token when there may be something new
	ahead  *read         // what is being read for the next call, or nil
	given  []byte        // what the last call returned from storage, to be used again
}

// read is a read from storage that is under way.
type read struct {
	from    event.Seq
	done    chan struct{} // closed when it has ended
	records []byte
	err     error
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	delete(s.feed.subscribers, s)
}

// Cursor returns the first seq that has not been delivered.
func (s *Subscription) Cursor() event.Seq { return s.cursor }

// Seek has the subscription go on with the first event at or after a seq.
func (s *Subscription) Seek(from event.Seq) {
	s.cursor = from
	s.passed.Store(uint64(from))
}

// Wake receives when there may be new events after Next returned none.
func (s *Subscription) Wake() <-chan struct{} { return s.wake }

// Next returns the next records, about maxBytes of them, or none if the
// subscriber has everything. The first record may begin before the events
// wanted. The slice must not be changed, and is valid until the next call.
//
// While the subscriber catches up, the records after these are read meanwhile.
// That ends with ctx, too.
func (s *Subscription) Next(ctx context.Context, maxBytes int) ([]byte, error) {
	s.passed.Store(uint64(s.cursor))
	records, behind, next := s.fromTail()
	if !behind {
		s.given = nil
		return records, nil
	}
	records, spare, err := s.read(ctx, maxBytes)
	if err != nil {
		return nil, err
	}
	s.given = records
	if len(records) == 0 {
		s.cursor = max(s.cursor, next) // all dropped by compaction
		return nil, nil
	}
	for rest := records; len(rest) > 0; {
		first, count, size, err := event.PeekRecord(rest)
		if err != nil {
			return nil, err
		}
		s.cursor = max(s.cursor, first+event.Seq(count))
		rest = rest[size:]
	}
	if s.cursor < next {
		s.readAhead(ctx, spare, maxBytes)
	}
	return records, nil
}

// read returns what is at the cursor in storage, and memory for what comes
// after it.
func (s *Subscription) read(ctx context.Context, maxBytes int) (records, spare []byte, err error) {
	ahead, spare := s.ahead, s.given[:0]
	s.ahead, s.given = nil, nil
	if ahead == nil || ahead.from != s.cursor {
		records, err = s.feed.source.Read(ctx, spare, s.cursor, maxBytes, false)
		return records, nil, err
	}
	<-ahead.done
	return ahead.records, spare, ahead.err
}

func (s *Subscription) readAhead(ctx context.Context, dst []byte, maxBytes int) {
	r := &read{from: s.cursor, done: make(chan struct{})}
	s.ahead = r
	go func() {
		defer close(r.done)
		r.records, r.err = s.feed.source.Read(ctx, dst, r.from, maxBytes, false)
	}()
}

// fromTail returns the next round of the tail. If the subscriber is behind the
// tail, it says so and where the feed ends.
func (s *Subscription) fromTail() (records []byte, behind bool, next event.Seq) {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.cursor >= f.next {
		return nil, false, f.next
	}
	for _, r := range f.tail {
		if r.first <= s.cursor && s.cursor < r.next {
			records = skip(r.records, s.cursor)
			s.cursor = r.next
			return records, false, f.next
		}
	}
	return nil, true, f.next
}

// skip cuts the records off the front that end before from. A subscriber that
// read from storage may have been ahead of the feed.
func skip(records []byte, from event.Seq) []byte {
	for {
		first, count, size, err := event.PeekRecord(records)
		if err != nil || first+event.Seq(count) > from {
			return records
		}
		records = records[size:]
	}
}

func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
