package compact

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
)

// rests returns how long a compaction rests that has worked for a while, during
// which there were this many rounds of commits.
func rests(t *testing.T, worked time.Duration, rounds int) (rested time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := New(nil, 1, hclog.NewNullLogger())
		w := s.Watch(&chain{name: "a/b"})
		defer w.Stop()
		c := s.Courtesy()
		time.Sleep(worked)
		for range rounds {
			w.Grown(1)
		}
		began := time.Now()
		if err := c.GiveWay(t.Context()); err != nil {
			t.Fatal(err)
		}
		rested = time.Since(began)
	})
	return rested
}

// TestCourtesy rests in proportion to the work, only if there were commits, and
// never for very long.
func TestCourtesy(t *testing.T) {
	for _, test := range []struct {
		worked time.Duration
		rounds int
		want   time.Duration
	}{
		{10 * time.Millisecond, 0, 0},
		{10 * time.Millisecond, 1, 10 * time.Millisecond * restShare},
		{10 * time.Millisecond, 1000, 10 * time.Millisecond * restShare},
		{workBefore - 1, 1, 0},
		{time.Hour, 1, longestRest},
	} {
		if got := rests(t, test.worked, test.rounds); got != test.want {
			t.Errorf("after %v with %d rounds: rested %v, want %v", test.worked, test.rounds, got, test.want)
		}
	}
}

// TestCourtesyForgets rests for the commits since the last time alone.
func TestCourtesyForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(nil, 1, hclog.NewNullLogger())
		w := s.Watch(&chain{name: "a/b"})
		defer w.Stop()
		c := s.Courtesy()
		w.Grown(1)
		for _, want := range []time.Duration{restShare * time.Second / 100, 0} {
			time.Sleep(time.Second / 100)
			began := time.Now()
			if err := c.GiveWay(t.Context()); err != nil || time.Since(began) != want {
				t.Errorf("rested %v, want %v; %v", time.Since(began), want, err)
			}
		}
	})
}

// TestCourtesyEnds does not rest on when the compaction is given up.
func TestCourtesyEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(nil, 1, hclog.NewNullLogger())
		w := s.Watch(&chain{name: "a/b"})
		defer w.Stop()
		c := s.Courtesy()
		time.Sleep(time.Second)
		w.Grown(1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := c.GiveWay(ctx); err == nil || time.Since(began) != time.Millisecond {
			t.Errorf("rested %v, %v", time.Since(began), err)
		}
	})
}
