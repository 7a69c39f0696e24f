package fanout

import (
	"context"
	"testing"

	"github.com/atedb/atedb/sdk/event"
)

// TestPassed: what compaction may believe of the subscribers' places: they have
// what they were given before they came for more, and a new one nothing.
func TestPassed(t *testing.T) {
	p := newPublisher()
	p.round(1000)
	p.round(1000)
	want := func(what string, seq event.Seq) {
		t.Helper()
		if got := p.feed.Passed(); got != seq {
			t.Errorf("%s: all was given before %d, want %d", what, got, seq)
		}
	}
	want("nobody subscribes", p.next)
	ahead := p.feed.Subscribe(p.next + 10)
	defer ahead.Close()
	want("one waits for what will come", p.next)
	s := p.feed.Subscribe(0)
	want("one begins", 0)
	next := func() {
		t.Helper()
		if _, err := s.Next(context.Background(), 1); err != nil {
			t.Fatal(err)
		}
	}
	next()
	first := s.Cursor()
	want("it was given something, and may not have sent it", 0)
	next()
	want("it has come for more", first)
	for s.Cursor() < p.next {
		next()
	}
	next()
	want("it has come for more, and there was nothing", p.next)
	s.Seek(1)
	want("it begins again", 1)
	collect(t, s, 1, p.next, 1000)
	s.Close()
	want("it is gone", p.next)
}

// TestSeekForgetsWhatWasReadAhead: a subscriber that begins again is given what is
// there now.
func TestSeekForgetsWhatWasReadAhead(t *testing.T) {
	p := newPublisher()
	for range 20 {
		p.round(1000)
	}
	s := p.feed.Subscribe(0)
	defer s.Close()
	for range 3 {
		if _, err := s.Next(context.Background(), 1); err != nil {
			t.Fatal(err)
		}
		s.Seek(2)
		collect(t, s, 2, p.next, 2000)
		s.Seek(0)
	}
}
