package session

import (
	"bytes"
	"context"
	"time"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// lock asks for an object's lock and sees to it that the answer comes.
func (s *Session) lock(ctx context.Context, m *wirepb.Lock) error {
	if len(m.Key) == 0 || len(m.Key) > event.MaxKey {
		return fault.New(fault.BadMessage, "the key of a lock has %d bytes; it must have 1 to %d", len(m.Key), event.MaxKey)
	}
	key := string(m.Key)
	if len(s.locks) >= MaxLocks {
		s.answerLock(m.Id, fault.New(fault.TooLarge, "this connection has asked for %d locks, which is the most allowed; give some back", len(s.locks)))
		return nil
	}
	granted := make(chan struct{})
	err := s.chain.Lock(&chain.LockRequest{
		Session: s.id, Key: bytes.Clone(m.Key), Wait: m.WaitMs > 0, Granted: func() { close(granted) },
	})
	if err != nil {
		s.answerLock(m.Id, err)
		return nil
	}
	ctx, giveUp := context.WithTimeoutCause(ctx, min(time.Duration(m.WaitMs)*time.Millisecond, maxLockWait),
		fault.New(fault.Locked, "another connection still holds the lock"))
	s.locks[key] = giveUp
	select {
	case <-granted:
		giveUp()
		s.answerLock(m.Id, nil)
	default:
		s.goroutines.Go(func() {
			defer giveUp()
			s.answerLock(m.Id, s.awaitLock(ctx, key, granted))
			s.wakeWriter()
		})
	}
	return nil
}

// awaitLock waits until a lock is granted or the waiting is given up. Then the
// lock is not the session's, even if it was granted just in time.
func (s *Session) awaitLock(ctx context.Context, key string, granted <-chan struct{}) error {
	select {
	case <-granted:
		return nil
	case <-ctx.Done():
		s.chain.Unlock(s.id, key)
		if fault.Is(context.Cause(ctx), fault.Locked) {
			return context.Cause(ctx)
		}
		return fault.New(fault.Locked, "the wait for the lock was given up")
	}
}

func (s *Session) answerLock(id uint64, err error) {
	m := &wirepb.LockResult{Id: id, Granted: err == nil}
	if err != nil {
		m.Code, m.Reason = refusal(err)
	}
	s.conn.Queue(wire.LockResult, m)
}

func (s *Session) unlock(m *wirepb.Unlock) error {
	s.release(string(m.Key))
	return nil
}

// release gives a lock back, or ends the waiting for it.
func (s *Session) release(key string) {
	if giveUp, ok := s.locks[key]; ok {
		delete(s.locks, key)
		giveUp()
		s.chain.Unlock(s.id, key)
	}
}

// releaseLocks gives back what the client held or waited for.
func (s *Session) releaseLocks() {
	for key := range s.locks {
		s.release(key)
	}
}
