package client

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// Lock is an object's lock: while this client holds it, no other connection
// may write the object.
type Lock struct {
	client *Client
	key    []byte
	lost   chan struct{}
	held   bool // guarded by Client.mu, as the client's map of locks is
}

// Lock waits for an object's lock for so long, in milliseconds rounded up; 0
// is not at all. If another connection holds it, that is locked. The lock
// belongs to the client as a whole, which can hold it once: asking for it
// again is locked too.
//
// A lock ends with the connection. One that was asked for when the connection
// was lost is asked for again, to wait as long once more.
func (c *Client) Lock(ctx context.Context, key []byte, wait time.Duration) (*Lock, error) {
	l := &Lock{client: c, key: append([]byte(nil), key...), lost: make(chan struct{})}
	c.mu.Lock()
	if _, ok := c.locks[string(key)]; ok {
		c.mu.Unlock()
		return nil, fault.New(fault.Locked, "this client holds the lock of %q already, or waits for it", key)
	}
	c.locks[string(key)] = l
	c.mu.Unlock()

	ms := min((max(wait, 0)+time.Millisecond-1)/time.Millisecond, 1<<32-1)
	_, err := c.ask(ctx, wire.Lock, func(id uint64) stream.Message {
		return &wirepb.Lock{Id: id, Key: l.key, WaitMs: uint32(ms)}
	})
	if err != nil {
		l.abandon(ctx.Err() != nil)
		return nil, err
	}
	return l, nil
}

// lockAnswered acts on the answer to a Lock. The lock is marked as held here,
// before anything else is received, so that a lost connection finds it.
func (c *Client) lockAnswered(m *wirepb.LockResult) error {
	err := refusal(m.Code, m.Reason)
	if !m.Granted && err == nil {
		err = fault.New(fault.Locked, "the lock was not granted: %s", m.Reason)
	}
	if m.Granted {
		err = nil
		c.mu.Lock()
		if call := c.calls[m.Id]; call != nil && call.kind == wire.Lock {
			if l := c.locks[string(call.question.(*wirepb.Lock).Key)]; l != nil {
				l.held = true
			}
		}
		c.mu.Unlock()
	}
	return c.answer(m.Id, wire.LockResult, answer{err: err})
}

// Lost is closed when the lock ended otherwise than by Unlock: with its
// connection. Others may have written the object since.
func (l *Lock) Lost() <-chan struct{} { return l.lost }

// Unlock gives the lock back. It does nothing if the lock is lost, or was given
// back before.
func (l *Lock) Unlock() { l.abandon(true) }

// abandon forgets the lock, and tells the server if it may hold or await it.
func (l *Lock) abandon(tell bool) {
	c := l.client
	c.mu.Lock()
	if c.locks[string(l.key)] != l {
		c.mu.Unlock()
		return
	}
	delete(c.locks, string(l.key))
	l.held = false
	conn := c.conn
	if conn != nil && tell {
		conn.Queue(wire.Unlock, &wirepb.Unlock{Key: l.key})
	}
	c.mu.Unlock()
	if conn != nil && tell {
		flush(conn)
	}
}

// loseLocks ends the locks that are held. The caller holds mu.
func (c *Client) loseLocks() {
	for key, l := range c.locks {
		if l.held {
			delete(c.locks, key)
			close(l.lost)
		}
	}
}
