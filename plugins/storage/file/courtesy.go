package file

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// What takes long gives way to appends.
const (
	courtesyWork  = 2 * time.Millisecond   // how long it works before it looks whether there are any
	courtesyShare = 8                      // how many times as long it rests then
	courtesyRest  = 200 * time.Millisecond // the longest rest
	courtesyCalls = 8                      // how many calls there are to one look at the clock
)

// courtesy makes what takes long work a ninth of the time while there are
// appends, to whatever chain.
type courtesy struct {
	store  *Store
	calls  int
	since  time.Time // when it went on working
	rounds uint64    // appended until then
}

// giveWay rests if it is time to. It is called again and again; between two
// calls there is little work.
func (c *courtesy) giveWay(ctx context.Context) error {
	if c.calls++; c.calls%courtesyCalls != 1 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return gaveUp(ctx)
	}
	if c.store.closing.Load() {
		return fault.New(fault.ShuttingDown, "this is given up because storage is shutting down")
	}
	worked := time.Since(c.since)
	if worked < courtesyWork {
		return nil
	}
	if !c.since.IsZero() && c.store.rounds() > c.rounds {
		rest := time.NewTimer(min(courtesyShare*worked, courtesyRest))
		defer rest.Stop()
		select {
		case <-rest.C:
		case <-ctx.Done():
		}
	}
	c.since, c.rounds = time.Now(), c.store.rounds()
	return nil
}

// rounds returns how many rounds of appends there have been.
func (s *Store) rounds() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.published
}
