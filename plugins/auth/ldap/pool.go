package ldap

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/fault"
)

// pool holds one connection to the directory, which all searches share, and
// makes a new one when it has ended. Whoever waits for a connection can stop to.
type pool struct {
	dialer  dialer
	timeout time.Duration // for connecting and logging in
	log     hclog.Logger
	now     func() time.Time

	mu      sync.Mutex // guards what follows, and is held for no I/O
	current *attempt   // nil before the first
	closed  bool
	warned  string // of what the log has warned last
	since   time.Time
}

// attempt is a connection that somebody is making or has made. The fields below
// done may be read when it is closed.
type attempt struct {
	done  chan struct{}
	c     *connection // nil after an error
	err   error
	ended time.Time
}

// get returns a connection that is up as far as is known, and whether it was up
// before. Its error is an unavailable fault.
func (p *pool) get(ctx context.Context) (c *connection, old bool, err error) {
	a, old := p.join()
	if a == nil {
		return nil, false, fault.New(fault.Unavailable, "the plugin is stopping")
	}
	select {
	case <-a.done:
		return a.c, old, a.err
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}

// join returns the attempt to wait for, a new one if the last is of no use any
// more, and whether it had succeeded before; nil after close.
func (p *pool) join() (a *attempt, old bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, false
	}
	if p.current != nil {
		select {
		case <-p.current.done:
			if p.current.usable(p.now()) {
				return p.current, p.current.c != nil
			}
		default:
			return p.current, false
		}
	}
	p.current = &attempt{done: make(chan struct{})}
	go p.make(p.current)
	return p.current, false
}

// usable reports whether an attempt that is done still counts: its connection is
// up, or the login was refused a moment ago. To try that again at once might
// lock the account.
func (a *attempt) usable(now time.Time) bool {
	if a.c != nil {
		return !a.c.IsClosing()
	}
	return errors.Is(a.err, errRefused) && now.Sub(a.ended) < refusedPause
}

// make connects. It is nobody's in particular, so nobody's context ends it.
func (p *pool) make(a *attempt) {
	ctx, cancel := context.WithTimeout(context.Background(), p.timeout)
	defer cancel()
	a.c, a.err = p.dialer.dial(ctx)
	a.ended = p.now()
	p.mu.Lock()
	p.warn(a)
	closed := p.closed
	close(a.done)
	p.mu.Unlock()
	if closed && a.c != nil {
		a.c.close()
	}
}

// warn logs what is wrong, once in a while if it stays the same: everybody who
// asks for a chain brings an attempt about. It is called with mu held.
func (p *pool) warn(a *attempt) {
	text := ""
	if a.err != nil {
		text = oneLine(fault.From(a.err).Reason)
	}
	if text != "" && (text != p.warned || a.ended.Sub(p.since) >= repeatedAfter) {
		p.log.Warn("the directory cannot be asked", "url", p.dialer.server.url, "bind_dn", p.dialer.server.bindDN, "error", text)
		p.since = a.ended
	}
	p.warned = text
}

// close ends the connection. None is made after it.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	a := p.current
	p.mu.Unlock()
	if a == nil {
		return
	}
	select {
	case <-a.done:
		if a.c != nil {
			a.c.close()
		}
	default: // make closes it
	}
}
