package main

import (
	"cmp"
	"io"
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
)

// object is a live object's newest event, without its data, and what earlier
// events have said of the object that is still in force.
type object struct {
	key    string
	seq    event.Seq
	time   time.Time
	size   int
	parent event.Parent
	write  event.WriteAuthority
	read   event.ReadAuthority
}

// liveObjects reads the chain's log for the objects that have a value, but for
// the server's own.
func liveObjects(s *session) (map[string]object, error) {
	live := make(map[string]object)
	sub, err := s.Subscribe(client.SubscribeOptions{OmitData: true, Restart: true, OnCompacted: func(c client.Compacted) {
		if c.Forgotten {
			clear(live)
		}
	}})
	if err != nil {
		return nil, err
	}
	defer sub.Close()
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
			o := live[key]
			o.key, o.seq, o.time, o.size = key, e.Seq, e.Time, e.DataLen
			o.note(&e.Header)
			live[key] = o
		}
	}
}

// note takes over what an event says of where the object stands and of who may
// write and read it.
func (o *object) note(h *event.Header) {
	if len(h.Parent.Key) > 0 || h.Parent.Top {
		o.parent = h.Parent
	}
	if h.Write.Kind != event.WriteUnchanged {
		o.write = h.Write
	}
	if h.Read.Kind != event.ReadUnchanged {
		o.read = h.Read
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
		if len(o.parent.Key) > 0 {
			depths[key] = depth(string(o.parent.Key)) + 1
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
