package modeltest

import (
	"context"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/event"
)

// Feed brings a chain's events to subscribers.
type Feed interface {
	chain.Publisher
	// Subscribe begins with the first event at or after from.
	Subscribe(from event.Seq) Subscriber
}

// Subscriber is one subscriber's place.
type Subscriber interface {
	// Next returns the next records, about maxBytes of them, or none if the
	// subscriber has everything. The first may begin before the events wanted.
	Next(ctx context.Context, maxBytes int) ([]byte, error)
	Close()
}

// reading is a feed of subscribers that read the log.
type reading struct{ log chain.Log }

// Publish implements chain.Publisher.
func (reading) Publish([]byte, event.Seq) {}

// Subscribe implements Feed.
func (r reading) Subscribe(from event.Seq) Subscriber { return &reader{r.log, from} }

type reader struct {
	log  chain.Log
	next event.Seq
}

func (r *reader) Next(ctx context.Context, maxBytes int) ([]byte, error) {
	records, err := r.log.Read(ctx, nil, r.next, maxBytes, false)
	for b, err := range event.Records(records) {
		if err != nil {
			return nil, err
		}
		r.next = max(r.next, b.Next())
	}
	return records, err
}

func (r *reader) Close() {}

// follower is a client that keeps the newest value of each object.
type follower struct {
	next   event.Seq // it has everything before
	values map[string]value
	gap    bool // what it had not seen yet was compacted

	before     event.Seq  // its place before a compaction
	subscriber Subscriber // nil while it is away
}

type value struct {
	seq  event.Seq
	data string
}

// leave ends the follower's subscription. It will resume.
func (f *follower) leave() {
	if f.subscriber != nil {
		f.subscriber.Close()
		f.subscriber = nil
	}
}

// follow has one of the followers read on, or begin anew, or go away.
func (m *model) follow() {
	m.t.Helper()
	f := m.followers[m.r.IntN(len(m.followers))]
	switch m.r.IntN(20) {
	case 0:
		f.leave()
		*f = follower{values: make(map[string]value)}
	case 1, 2:
		f.leave()
	}
	for reads := m.r.IntN(40); reads != 20; reads++ { // to the end, half of the time
		if m.read(f) {
			return
		}
	}
}

// read has a follower read on. It reports whether the follower has everything
// then; that is compared with what lives.
func (m *model) read(f *follower) (all bool) {
	m.t.Helper()
	if f.subscriber == nil {
		f.subscriber = m.feed.Subscribe(f.next)
	}
	end := m.chain.Next()
	records, err := f.subscriber.Next(m.t.Context(), 1+m.r.IntN(100_000))
	if err != nil {
		m.t.Fatal(err)
	}
	for b, err := range event.Records(records) {
		if err != nil {
			m.t.Fatal(err)
		}
		if dropped := m.chain.Compactions().Dropped; b.First > max(f.next, dropped) {
			m.t.Fatalf("a subscriber got event %d when %d was due; those up to %d may have been dropped", b.First, f.next, dropped)
		}
		if err := f.take(&b); err != nil {
			m.t.Fatal(err)
		}
	}
	if len(records) > 0 {
		return false
	}
	f.next = max(f.next, end)
	if !m.compacting {
		m.compare(f)
	}
	return true
}

// take takes a batch. Events that the follower has already are passed over.
func (f *follower) take(b *event.Batch) error {
	seq := b.First
	for frame, err := range b.Events() {
		if err != nil {
			return err
		}
		if seq >= f.next {
			h, err := event.DecodeHeader(frame.Header)
			if err != nil {
				return err
			}
			if f.values[string(h.Key)] = (value{seq, string(frame.Data)}); h.Tombstone {
				delete(f.values, string(h.Key))
			}
			f.next = seq + 1
		}
		seq++
	}
	return nil
}

// compare compares what a follower has with what lives. One that was away while
// there were compactions may have missed tombstones, and nothing else.
func (m *model) compare(f *follower) {
	m.t.Helper()
	m.caughtUp++
	for key, o := range m.objects {
		if got, ok := f.values[key]; !ok || got != (value{o.seq, o.data}) {
			m.t.Fatalf("a subscriber that has all up to %d has %+v (%t) of object %q, want %d %q", f.next, got, ok, key, o.seq, o.data)
		}
	}
	for key := range f.values {
		if _, lives := m.objects[key]; lives || isOwn([]byte(key)) || key == event.GenesisKey {
			continue
		}
		if !f.gap {
			m.t.Fatalf("a subscriber that has all up to %d, and missed nothing, has object %q, which ended", f.next, key)
		}
		if len(m.chain.Newest([][]byte{[]byte(key)})) > 0 {
			m.t.Fatalf("object %q lives, and has ended", key)
		}
		delete(f.values, key)
	}
	if f.gap {
		m.gaps++
	}
	f.gap = false
}
