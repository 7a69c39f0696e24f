package ate

import (
	"context"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/fault"
)

// line is the one connection to the server. It is made when it is needed, and
// again after it was lost. Its methods may be called concurrently.
type line struct {
	patience time.Duration // of an attempt to connect
	dial     func(context.Context) (*authserver.Client, error)

	mu      sync.Mutex // guards what follows; nobody waits for the server with it
	current *authserver.Client
	attempt *attempt // under way
	closed  bool
}

// attempt is one attempt to connect, which all who need the connection wait for.
type attempt struct {
	done   chan struct{} // closed when the rest is set
	client *authserver.Client
	err    error
}

func newLine(patience time.Duration, dial func(context.Context) (*authserver.Client, error)) *line {
	return &line{patience: patience, dial: dial}
}

// client returns a client that had a connection a moment ago.
func (l *line) client(ctx context.Context) (*authserver.Client, error) {
	l.mu.Lock()
	if l.current != nil && l.current.Err() == nil {
		defer l.mu.Unlock()
		return l.current, nil
	}
	if l.closed {
		defer l.mu.Unlock()
		return nil, fault.New(fault.ShuttingDown, "the plugin is stopping")
	}
	a := l.attempt
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		l.attempt = a
		go l.connect(a)
	}
	l.mu.Unlock()
	select {
	case <-a.done:
		return a.client, a.err
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "connecting: %w", context.Cause(ctx))
	}
}

// connect makes an attempt, whose time does not depend on who waits for it.
func (l *line) connect(a *attempt) {
	ctx, cancel := context.WithTimeout(context.Background(), l.patience)
	defer cancel()
	a.client, a.err = l.dial(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.err == nil && l.closed {
		a.client.Close()
		a.client, a.err = nil, fault.New(fault.ShuttingDown, "the plugin is stopping")
	}
	l.current, l.attempt = a.client, nil
	close(a.done)
}

// close ends the connection for good.
func (l *line) close() {
	l.mu.Lock()
	l.closed = true
	c := l.current
	l.mu.Unlock()
	if c != nil {
		c.Close()
	}
}
