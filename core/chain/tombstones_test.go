package chain

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
)

// these votes to drop some events and to keep all others.
func these(seqs ...event.Seq) plan {
	return func(_ context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
		for e, err := range events {
			if err != nil {
				return err
			}
			if slices.Contains(seqs, e.Seq) {
				cast(e.Seq, compaction.Drop)
			}
		}
		return nil
	}
}

// wantForgotten checks what is known of tombstones that are gone: up to where, and
// whether that was found out by the last compaction. A chain that is opened again
// knows it, too.
func (f *fixture) wantForgotten(before event.Seq, last bool) {
	f.t.Helper()
	now := f.now
	for range 2 {
		c := f.Compactions()
		if c.Forgotten != before || (c.ForgottenAt == f.Next()) != last {
			f.t.Fatalf("%+v at %d, want tombstones gone before %d, found out just now: %t", c, f.Next(), before, last)
		}
		f.open()
		f.now = now
	}
}

// TestForgotten: what is known of dropped tombstones tells each reader that has
// read a value and will not read of its end; also one that began when later
// tombstones had been dropped already.
func TestForgotten(t *testing.T) {
	f := oldFixture(t)
	f.do(newCommit(1, put{"x", "1", false}))
	f.do(newCommit(2, put{"x", "", true}))
	f.do(newCommit(3, put{"z", "3", false}))
	f.do(newCommit(4, put{"z", "", true}))
	f.do(newCommit(5, put{"y", "5", false}))
	f.wantForgotten(0, false)
	f.save()
	f.compact(these(3))
	f.wantForgotten(0, false)
	f.compact(these(4))
	f.wantForgotten(5, true)
	began := f.Compactions().ForgottenAt
	f.compact(these(1))
	f.wantForgotten(5, false)
	f.compact(these(2))
	f.wantForgotten(5, true)
	if got := f.missing(6); !slices.Equal(got, []event.Seq{1, 2, 3, 4}) {
		t.Errorf("dropped are %d", got)
	}
	if c := f.Compactions(); c.ForgottenAt <= began {
		t.Errorf("who read event 1 after %d would not be told that event 2 is gone: %+v", began, c)
	}
}

// TestTombstonesThatReadersNeed: an open subscription that is behind a tombstone
// keeps it, for as long again as it has to stay anyway, or an hour.
func TestTombstonesThatReadersNeed(t *testing.T) {
	for name, test := range map[string]struct {
		age     time.Duration // of the tombstone
		least   time.Duration // that it has to have
		passed  event.Seq
		dropped bool
	}{
		"too young, all have it":      {2*time.Hour - time.Second, 2 * time.Hour, 3, false},
		"old enough, all have it":     {2*time.Hour + time.Second, 2 * time.Hour, 3, true},
		"old enough, one is behind":   {2*time.Hour + time.Second, 2 * time.Hour, 2, false},
		"almost twice as old":         {4*time.Hour - time.Second, 2 * time.Hour, 2, false},
		"twice as old":                {4*time.Hour + time.Second, 2 * time.Hour, 2, true},
		"a short time, one is behind": {time.Hour, time.Minute, 0, false},
		"an hour more than that":      {time.Hour + time.Minute + time.Second, time.Minute, 0, true},
		"no time at all, and behind":  {time.Minute, 0, 2, false},
		"no time at all, all have it": {time.Minute, 0, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := oldFixture(t)
			f.do(newCommit(1, put{"x", "1", false}))
			f.do(newCommit(2, put{"x", "", true}))
			f.do(newCommit(3, put{"y", "3", false}))
			f.save()
			began := f.now()
			o := Compaction{Strategies: []Strategy{{Strategy: everywhere(compaction.Drop)}}, TombstoneAge: test.least, Passed: func() event.Seq { return test.passed }}
			for _, age := range []time.Duration{youngest + time.Second, test.age} { // the value goes first
				f.setClock(began.Add(age))
				if _, err := f.Compact(t.Context(), o); err != nil {
					t.Fatal(err)
				}
			}
			if dropped := slices.Contains(f.missing(4), 2); dropped != test.dropped {
				t.Errorf("dropped: %t", dropped)
			}
			if c := f.Compactions(); (c.Forgotten == 3) != test.dropped {
				t.Errorf("%+v", c)
			}
		})
	}
}
