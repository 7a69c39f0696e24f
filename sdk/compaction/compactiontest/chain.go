package compactiontest

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
)

// Chain is the events of a chain, oldest first, for tests.
type Chain []compaction.Event

// epoch is the time of a chain's first event.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Add returns the chain with an event on an object added. Each is a second
// after the one before.
func (c Chain) Add(key string, tombstone bool) Chain {
	n := len(c)
	return append(c, compaction.Event{
		Seq: event.Seq(n), Time: epoch.Add(time.Duration(n) * time.Second), DataSize: n % 2000,
		Header: event.Header{Key: []byte(key), Tombstone: tombstone},
	})
}

// NewestFirst iterates over the events as the daemon does.
func (c Chain) NewestFirst() iter.Seq2[compaction.Event, error] {
	return func(yield func(compaction.Event, error) bool) {
		for _, e := range slices.Backward(c) {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Info is what a strategy is told of the chain as a whole.
func (c Chain) Info() compaction.Chain {
	info := compaction.Chain{Name: "example.com/joe/db", Events: uint64(len(c)), Now: epoch.Add(time.Duration(len(c)) * time.Second)}
	for _, e := range c {
		info.Bytes += uint64(len(e.Header.Key) + e.DataSize)
	}
	return info
}

// mixed returns a chain of n events with all that a strategy meets: genesis,
// the server's own objects, objects with many versions and with one, deleted
// ones and ones that came back, long keys, parents, types, labels and times.
func mixed(n int) Chain {
	c := Chain{}.Add(event.GenesisKey, false)
	for i := 1; i < n; i++ {
		switch {
		case i%97 == 0:
			c = c.Add("\x00atedb/notice", false)
		case i%10 == 0:
			c = c.Add(fmt.Sprintf("once-%0*d", event.MaxKey-5, i), false)
		default:
			c = c.Add(fmt.Sprintf("object-%d", i*i%41), i%7 == 0)
		}
		h := &c[i].Header
		if i%3 == 0 {
			h.Parent = event.Parent{Key: []byte("object-1"), Collection: "children"}
			h.Type, h.ReplyTo, h.Time = "note", []byte("object-4"), epoch.Add(-time.Hour)
			h.Labels = map[string]string{"colour": "green"}
		}
	}
	return c
}
