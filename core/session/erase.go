package session

import (
	"bytes"
	"context"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// erase has an object's data erased, and sees to it that the answer comes. It
// takes a while, in which the session goes on.
func (s *Session) erase(ctx context.Context, m *wirepb.Erase) error {
	if len(m.Key) == 0 || len(m.Key) > event.MaxKey {
		return fault.New(fault.BadMessage, "the key of an erasure has %d bytes; it must have 1 to %d", len(m.Key), event.MaxKey)
	}
	reply := &wirepb.Erased{Id: m.Id}
	if s.erasures.Load() >= MaxErasures {
		reply.Code, reply.Reason = refusal(fault.New(fault.TooLarge, "this connection has asked for %d erasures that are not done, which is the most allowed; wait for one", MaxErasures))
		s.conn.Queue(wire.Erased, reply)
		return nil
	}
	s.erasures.Add(1)
	key := bytes.Clone(m.Key) // it was the connection's buffer
	s.goroutines.Go(func() {
		defer s.erasures.Add(-1)
		var err error
		if reply.Events, err = s.chain.Erase(ctx, key); err != nil {
			reply.Code, reply.Reason = refusal(err)
		}
		s.feed.Forget()
		s.conn.Queue(wire.Erased, reply)
		s.wakeWriter()
	})
	return nil
}
