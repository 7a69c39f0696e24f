package compact

import (
	"context"
	"time"
)

// A compaction gives way to commits.
const (
	workBefore  = 2 * time.Millisecond // how long it works before it looks whether there are any
	restShare   = 8                    // how many times as long it rests then
	longestRest = 500 * time.Millisecond
)

// Courtesy makes a compaction work a ninth of the time while there are commits,
// to whatever chain that is watched. It is for one goroutine.
type Courtesy struct {
	scheduler *Scheduler
	since     time.Time // when it went on working
	rounds    uint64    // committed until then
}

// Courtesy returns what makes one compaction, which begins, give way.
func (s *Scheduler) Courtesy() *Courtesy {
	return &Courtesy{scheduler: s, since: time.Now(), rounds: s.rounds.Load()}
}

// GiveWay rests if it is time to, or until ctx is done. It is called again and
// again; between two calls there is little work.
func (c *Courtesy) GiveWay(ctx context.Context) error {
	worked := time.Since(c.since)
	if worked < workBefore {
		return nil
	}
	if c.scheduler.rounds.Load() > c.rounds {
		rest := time.NewTimer(min(restShare*worked, longestRest))
		defer rest.Stop()
		select {
		case <-rest.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.since, c.rounds = time.Now(), c.scheduler.rounds.Load()
	return nil
}
