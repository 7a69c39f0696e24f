package chain

import (
	"github.com/atedb/atedb/sdk/fault"
)

// maxWaiters is how many connections may wait for one lock.
const maxWaiters = 1000

// locks is who holds which objects' locks. The zero value is ready to use. It
// is guarded by its chain's state lock.
type locks struct {
	byKey map[string]*lock
}

type lock struct {
	owner   SessionID
	waiters []*LockRequest // longest waiting first
}

// LockRequest asks for an object's lock.
type LockRequest struct {
	Session SessionID
	Key     []byte
	Wait    bool // wait for it if it is taken
	// Granted is called once if and when the lock becomes the session's, with
	// the chain's state lock held: it must not block or call the chain.
	Granted func()
}

// acquire grants the lock at once or, if the request wants to wait, later.
func (l *locks) acquire(r *LockRequest) error {
	held := l.byKey[string(r.Key)]
	switch {
	case held == nil:
		if l.byKey == nil {
			l.byKey = make(map[string]*lock)
		}
		l.byKey[string(r.Key)] = &lock{owner: r.Session}
		r.Granted()
		return nil
	case held.owner == r.Session:
		return fault.New(fault.BadRequest, "this connection already holds the lock")
	case !r.Wait:
		return fault.New(fault.Locked, "another connection holds the lock")
	case len(held.waiters) >= maxWaiters:
		return fault.New(fault.Overloaded, "%d connections already wait for the lock", maxWaiters)
	}
	held.waiters = append(held.waiters, r)
	return nil
}

// release gives a session's lock to whoever waits for it longest, and ends the
// session's own waiting for it. It reports whether the session had waited.
func (l *locks) release(s SessionID, key string) (waited bool) {
	held := l.byKey[key]
	if held == nil {
		return false
	}
	kept := held.waiters[:0]
	for _, w := range held.waiters {
		if w.Session == s {
			waited = true
			continue
		}
		kept = append(kept, w)
	}
	clear(held.waiters[len(kept):])
	held.waiters = kept
	if held.owner != s {
		return waited
	}
	if len(held.waiters) == 0 {
		delete(l.byKey, key)
		return waited
	}
	heir := held.waiters[0]
	held.waiters = held.waiters[1:]
	held.owner = heir.Session
	heir.Granted()
	return waited
}

// check returns a locked fault, and which, if one of the writes is to an
// object that another session has locked.
func (l *locks) check(s SessionID, writes []write) (int, error) {
	if len(l.byKey) == 0 {
		return -1, nil
	}
	for i, w := range writes {
		if held := l.byKey[string(w.key)]; held != nil && held.owner != s {
			return i, fault.New(fault.Locked, "another connection holds the lock of object %q", w.key)
		}
	}
	return -1, nil
}
