package file

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// TestCourtesy has a drop rest in proportion to its work while there are
// appends, and not otherwise.
func TestCourtesy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := courtesy{store: &Store{}}
		for i, test := range []struct {
			worked, want time.Duration
			appends      uint64
		}{
			{time.Hour, 0, 1}, // before it began
			{10 * time.Millisecond, 10 * time.Millisecond * courtesyShare, 1},
			{10 * time.Millisecond, 0, 0},
			{courtesyWork - 1, 0, 1},
			{courtesyWork, (2*courtesyWork - 1) * courtesyShare, 0}, // with the time before
			{time.Hour, courtesyRest, 1},
		} {
			time.Sleep(test.worked)
			c.store.published += test.appends
			began := time.Now()
			for range courtesyCalls {
				if err := c.giveWay(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if rested := time.Since(began); rested != test.want {
				t.Errorf("%d: rested %v, want %v", i, rested, test.want)
			}
		}
	})
}

// TestCourtesyEnds gives up when it is told to.
func TestCourtesyEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := courtesy{store: &Store{}}
	if err := c.giveWay(ctx); !fault.Is(err, fault.Unavailable) {
		t.Errorf("after its context: %v", err)
	}
	c = courtesy{store: &Store{}}
	c.store.closing.Store(true)
	if err := c.giveWay(t.Context()); !fault.Is(err, fault.ShuttingDown) {
		t.Errorf("while the store is closed: %v", err)
	}
}
