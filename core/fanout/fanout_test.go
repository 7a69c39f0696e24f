package fanout

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/event"
)

// memory is a source that has everything that was published to it.
type memory struct {
	mu      sync.Mutex
	records []byte
	fail    error
	reads   int
}

func (m *memory) Read(_ context.Context, dst []byte, from event.Seq, maxBytes int, _ bool) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	if m.fail != nil {
		return nil, m.fail
	}
	out := dst
	for rest := m.records; len(rest) > 0; {
		first, count, size, err := event.PeekRecord(rest)
		if err != nil {
			return nil, err
		}
		if first+event.Seq(count) > from {
			if read := len(out) - len(dst); read > 0 && read+size > maxBytes {
				break
			}
			out = append(out, rest[:size]...)
		}
		rest = rest[size:]
	}
	return out, nil
}

func (m *memory) store(records []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = append(m.records, records...)
}

// publisher makes rounds of random batches.
type publisher struct {
	feed   *Feed
	memory *memory
	next   event.Seq
	rng    *rand.Rand
}

func (p *publisher) round(dataSize int) {
	var records []byte
	for range 1 + p.rng.IntN(4) {
		batch := event.Batch{First: p.next, Count: 1 + p.rng.IntN(3)}
		for range batch.Count {
			batch.Frames = event.AppendFrame(batch.Frames, []byte{1}, make([]byte, dataSize))
		}
		records = batch.AppendRecord(records)
		p.next = batch.Next()
	}
	p.memory.store(records)
	p.feed.Publish(records, p.next)
}

func newPublisher() *publisher {
	m := &memory{}
	return &publisher{feed: NewFeed(m, 0), memory: m, rng: rand.New(rand.NewPCG(1, 2))}
}

// collect pulls until it has seen every event before end, and fails on one
// that comes twice or out of order.
func collect(t *testing.T, s *Subscription, from, end event.Seq, maxBytes int) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for want := from; want < end; {
		records, err := s.Next(context.Background(), maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		if records == nil {
			select {
			case <-s.Wake():
			case <-deadline:
				t.Fatalf("event %d did not come", want)
			}
			continue
		}
		for b, err := range event.Records(records) {
			if err != nil {
				t.Fatal(err)
			}
			if b.First > want || b.Next() <= want {
				t.Fatalf("events %d to %d came when %d was due", b.First, b.Next()-1, want)
			}
			want = b.Next()
		}
	}
}

func TestSubscribersFastAndSlow(t *testing.T) {
	p := newPublisher()
	for range 50 {
		p.round(100)
	}
	const rounds = 400
	var subscribed, wg sync.WaitGroup
	ends := make(chan event.Seq, 4)
	for i, from := range []event.Seq{0, 1, 30, p.next} {
		s := p.feed.Subscribe(from)
		subscribed.Add(1)
		wg.Go(func() {
			defer s.Close()
			subscribed.Done()
			collect(t, s, from, <-ends, 1000*(i+1))
		})
	}
	subscribed.Wait()
	for range rounds {
		p.round(5_000)
	}
	for range 4 {
		ends <- p.next
	}
	wg.Wait()
	if len(p.feed.subscribers) != 0 {
		t.Error("subscribers are left")
	}
}

func TestTailIsBoundedAndServesWithoutReading(t *testing.T) {
	p := newPublisher()
	s := p.feed.Subscribe(0)
	defer s.Close()
	for range 500 {
		p.round(20_000)
		collect(t, s, s.Cursor(), p.next, 1<<20)
	}
	if p.memory.reads != 0 {
		t.Errorf("a subscriber that kept up caused %d reads", p.memory.reads)
	}
	if p.feed.tailBytes > maxTail+1<<20 {
		t.Errorf("the tail has %d bytes", p.feed.tailBytes)
	}
}

func TestNothingIsKeptWithoutSubscribers(t *testing.T) {
	p := newPublisher()
	s := p.feed.Subscribe(0)
	p.round(1000)
	s.Close()
	p.round(1000)
	if p.feed.tail != nil || p.feed.tailBytes != 0 {
		t.Errorf("%d bytes are kept for nobody", p.feed.tailBytes)
	}
	late := p.feed.Subscribe(0)
	defer late.Close()
	collect(t, late, 0, p.next, 1<<20)
}

func TestReadErrorLeavesTheCursor(t *testing.T) {
	p := newPublisher()
	p.round(10)
	s := p.feed.Subscribe(0)
	defer s.Close()
	p.memory.fail = errors.New("disk on fire")
	if _, err := s.Next(context.Background(), 1000); !errors.Is(err, p.memory.fail) {
		t.Fatalf("got %v", err)
	}
	p.memory.fail = nil
	collect(t, s, 0, p.next, 1000)
}

func TestDroppedEventsAreSkipped(t *testing.T) {
	p := newPublisher()
	p.round(10)
	p.memory.records = nil // compaction
	s := p.feed.Subscribe(0)
	defer s.Close()
	records, err := s.Next(context.Background(), 1000)
	if err != nil || records != nil || s.Cursor() != p.next {
		t.Errorf("records %d, cursor %d, err %v", len(records), s.Cursor(), err)
	}
}
