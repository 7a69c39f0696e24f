package client

import (
	"context"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/verify"
)

// auditor starts the client's audit when it is first needed, and ends it.
type auditor struct {
	mu       sync.Mutex // guards what follows
	audit    *audit
	starting chan struct{} // closed once the one who starts it is done; nil while nobody does
	closed   bool
}

// audited returns the audit of the client's chain, which the first call starts;
// nil if the chain's trust is centralized.
func (c *Client) audited(ctx context.Context) (*audit, error) {
	if c.chain.Genesis.Trust != event.Distributed || c.options.unaudited {
		return nil, nil
	}
	a := &c.auditor
	for {
		a.mu.Lock()
		audit, wait, closed := a.audit, a.starting, a.closed
		if audit == nil && wait == nil && !closed {
			a.starting = make(chan struct{})
		}
		a.mu.Unlock()
		switch {
		case closed:
			return nil, ErrClosed
		case audit != nil:
			return audit, nil
		case wait == nil:
			return a.started(c.startAudit(ctx))
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// started takes note of how starting ended.
func (a *auditor) started(audit *audit, err error) (*audit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed && err == nil {
		audit.close()
		err = ErrClosed
	}
	if err == nil {
		a.audit = audit
	}
	close(a.starting)
	a.starting = nil
	return a.audit, err
}

// close ends the audit, and waits for whoever is starting one; the client's
// context must have ended.
func (a *auditor) close() {
	a.mu.Lock()
	a.closed = true
	audit, wait := a.audit, a.starting
	a.mu.Unlock()
	if wait != nil {
		<-wait
	}
	if audit != nil {
		audit.close()
	}
}

// startAudit opens the chain a second time, and begins to verify it.
func (c *Client) startAudit(ctx context.Context) (*audit, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	options := c.options
	options.Create, options.Signer, options.Readers, options.Heads = false, nil, nil, nil
	options.OnState, options.unaudited = nil, true
	follower, err := Dial(ctx, c.url.String(), options)
	if err != nil {
		return nil, err
	}
	if id := follower.chain.ID; id != c.chain.ID {
		follower.Close()
		return nil, fault.New(fault.Forked, "the server has two chains %s: %s and %s", c.url.Name, c.chain.ID, id)
	}
	log, err := follower.verifier()
	if err != nil {
		follower.Close()
		return nil, err
	}
	begun := false // the subscription begins again, and run does not know yet
	sub, err := follower.Subscribe(SubscribeOptions{
		From: log.Next(), Live: true, OmitData: true,
		Restart: true, OnCompacted: func(what Compacted) { begun = begun || what.Forgotten },
	})
	if err != nil {
		follower.Close()
		return nil, err
	}
	run, stop := context.WithCancel(c.ctx)
	a := &audit{client: follower, stop: stop, turn: make(chan struct{}, 1), log: log, changed: make(chan struct{})}
	a.done.Go(func() {
		a.run(run, sub, func() bool {
			again := begun
			begun = false
			return again
		})
	})
	return a, nil
}

// verifier returns the log of the client's chain, at its beginning.
func (c *Client) verifier() (*verify.Log, error) { return verify.New(c.chain.Record, c.Leaves) }
