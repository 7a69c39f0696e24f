package main

import (
	"cmp"
	"io"
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
)

// object is a live object's newest event, without its data.
type object struct {
	key    string
	seq    event.Seq
	time   time.Time
	size   int
	parent string // its key; empty for none
}

// liveObjects reads the chain's log for the objects that have a value, but for
// the server's own.
func liveObjects(s *session) (map[string]object, error) {
	sub, err := s.Subscribe(client.SubscribeOptions{OmitData: true})
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	live := make(map[string]object)
	for {
		e, err := sub.Next(s.ctx)
		switch {
		case err == io.EOF:
			return live, nil
		case err != nil:
			return nil, err
		case event.IsReserved(e.Header.Key):
		case e.Header.Tombstone:
			delete(live, string(e.Header.Key))
		default:
			key := string(e.Header.Key)
			live[key] = object{key: key, seq: e.Seq, time: e.Time, size: e.DataLen, parent: string(e.Header.Parent.Key)}
		}
	}
}

// parentsFirst returns the objects so that each comes after the one it stands
// under, and otherwise in the order of the log.
func parentsFirst(live map[string]object) []object {
	depths := make(map[string]int, len(live))
	var depth func(key string) int
	depth = func(key string) int {
		if d, ok := depths[key]; ok {
			return d
		}
		o, ok := live[key]
		if !ok {
			return -1
		}
		depths[key] = 0 // what a cycle finds
		if o.parent != "" {
			depths[key] = depth(o.parent) + 1
		}
		return depths[key]
	}
	all := make([]object, 0, len(live))
	for key, o := range live {
		depth(key)
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b object) int {
		return cmp.Or(cmp.Compare(depths[a.key], depths[b.key]), cmp.Compare(a.seq, b.seq))
	})
	return all
}
