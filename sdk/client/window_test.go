package client

import (
	"testing"
	"time"
)

func TestWindowAdmitsInOrder(t *testing.T) {
	var w window
	w.limit(2, 100)
	if !w.take(60) || w.take(60) {
		t.Fatal("room for 100 bytes takes 60 once")
	}
	large, small := w.wait(60), w.wait(10)
	if w.take(1) {
		t.Error("somebody went before those who wait")
	}
	if isReady(large) || isReady(small) {
		t.Error("somebody was let in without room")
	}
	w.release(60)
	if !isReady(large) || !isReady(small) {
		t.Error("those who wait are not let in when there is room")
	}
	if w.take(1) {
		t.Error("a third commit is let in where two are allowed")
	}
}

func TestWindowTakesAnOversizedCommitAlone(t *testing.T) {
	var w window
	w.limit(10, 100)
	if !w.take(1000) || w.take(1) {
		t.Error("a commit over the limit must go, and alone")
	}
}

func TestWindowAbandon(t *testing.T) {
	var w window
	w.limit(1, 100)
	w.take(1)
	first, second := w.wait(1), w.wait(1)
	w.abandon(first)
	w.release(1)
	if isReady(first) || !isReady(second) {
		t.Error("who stopped waiting was let in, or who went on was not")
	}
	third := w.wait(1)
	w.abandon(second) // which was let in meanwhile
	if !isReady(third) {
		t.Error("the room of one who stopped waiting is lost")
	}
	w.abandon(third)
	if w.commits != 0 || w.bytes != 0 {
		t.Errorf("%d commits and %d bytes stay taken", w.commits, w.bytes)
	}
}

func TestWindowGrowsWithTheLimit(t *testing.T) {
	var w window
	w.limit(0, 100)
	w.take(1)
	waiting := w.wait(1)
	w.limit(2, 100)
	if !isReady(waiting) {
		t.Error("a higher limit lets nobody in")
	}
}

func isReady(w *waiter) bool {
	select {
	case <-w.ready:
		return true
	default:
		return false
	}
}

func TestBackoff(t *testing.T) {
	b := Backoff{Min: 50 * time.Millisecond, Max: 5 * time.Second}
	if b.pause(0) != 0 {
		t.Error("the first attempt does not come at once")
	}
	for attempt, most := range map[int]time.Duration{1: b.Min, 2: 2 * b.Min, 5: 16 * b.Min, 8: b.Max, 1000: b.Max} {
		for range 100 {
			if d := b.pause(attempt); d < most/2-1 || d > most {
				t.Fatalf("the pause before attempt %d is %s, want %s to %s", attempt, d, most/2, most)
			}
		}
	}
}
