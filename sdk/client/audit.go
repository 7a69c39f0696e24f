package client

import (
	"context"
	"errors"
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/verify"
)

// audit verifies a chain of distributed trust for its client. It follows the
// whole log, without the data, on a connection of its own, so that whatever the
// client is sent can be compared with what the audit has verified.
type audit struct {
	client *Client
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex // guards what follows
	log     *verify.Log
	err     error         // why nothing more is verified
	changed chan struct{} // closed and replaced when something above changes
}

// auditor returns the audit of the client's chain, which the first call starts;
// nil if the chain's trust is centralized.
func (c *Client) auditor(ctx context.Context) (*audit, error) {
	if c.Chain().Genesis.Trust != event.Distributed || c.options.unaudited {
		return nil, nil
	}
	c.auditMu.Lock()
	defer c.auditMu.Unlock()
	if c.audit == nil {
		a, err := c.startAudit(ctx)
		if err != nil {
			return nil, err
		}
		c.audit = a
	}
	return c.audit, nil
}

func (c *Client) startAudit(ctx context.Context) (*audit, error) {
	options := c.options
	options.Create, options.Signer, options.Readers, options.Heads = false, nil, nil, nil
	options.OnState, options.unaudited = nil, true
	follower, err := Dial(ctx, c.url.String(), options)
	if err != nil {
		return nil, err
	}
	if id := follower.Chain().ID; id != c.Chain().ID {
		follower.Close()
		return nil, fault.New(fault.Forked, "the server has two chains %s: %s and %s", c.url.Name, c.Chain().ID, id)
	}
	log, err := verify.New(follower.Chain().Record, follower.Leaves)
	if err != nil {
		follower.Close()
		return nil, err
	}
	a := &audit{client: follower, log: log, changed: make(chan struct{})}
	run, cancel := context.WithCancel(c.ctx)
	a.cancel = cancel
	sub, err := follower.Subscribe(SubscribeOptions{From: log.Next(), Live: true, OmitData: true})
	if err != nil {
		a.close()
		return nil, err
	}
	a.done.Go(func() { a.run(run, sub) })
	return a, nil
}

func (a *audit) close() {
	a.cancel()
	a.done.Wait()
	a.client.Close()
}

// run verifies batches as they come.
func (a *audit) run(ctx context.Context, sub *Subscription) {
	for {
		batch, err := sub.NextBatch(ctx)
		a.mu.Lock()
		if err == nil && batch.Next() > a.log.Next() { // else it came before, on another connection
			err = a.log.Add(ctx, &batch)
		}
		a.err = err
		close(a.changed)
		a.changed = make(chan struct{})
		a.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// reach waits until the log is verified up to a size, and returns with the
// lock held unless there is an error.
func (a *audit) reach(ctx context.Context, size event.Seq) error {
	for {
		a.mu.Lock()
		next, err, changed := a.log.Next(), a.err, a.changed
		if next >= size {
			return nil
		}
		a.mu.Unlock()
		if err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// check returns a forked fault unless an event is the one of the log.
func (a *audit) check(ctx context.Context, seq event.Seq, leaf event.Hash) error {
	if err := a.reach(ctx, seq+1); err != nil {
		return err
	}
	defer a.mu.Unlock()
	want, err := a.log.Leaf(ctx, seq)
	if err == nil && want != leaf {
		err = fault.New(fault.Forked, "the server sent an event %d with leaf hash %s; the one in the log has %s", seq, leaf, want)
	}
	return err
}

// checkHead returns a forked fault unless the log had a head.
func (a *audit) checkHead(ctx context.Context, head merkle.Head) error {
	if err := a.reach(ctx, event.Seq(head.Size)); err != nil {
		return err
	}
	defer a.mu.Unlock()
	return a.log.CheckHead(ctx, head)
}

// newest returns the seq of an object's newest event in the log.
func (a *audit) newest(key []byte) (event.Seq, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log.Newest(key)
}

// checkEvents checks events that were loaded, if the chain is audited.
func (c *Client) checkEvents(ctx context.Context, events []StoredEvent) error {
	a, err := c.auditor(ctx)
	if a == nil || err != nil {
		return err
	}
	for i := range events {
		if err := a.check(ctx, events[i].Seq, events[i].leaf); err != nil {
			return err
		}
	}
	return nil
}

// checkNewest checks that events are the newest of the objects with these keys,
// among those before what the chain's head was when it was called, if the chain
// is audited. What was asked for and left out must not exist.
func (c *Client) checkNewest(ctx context.Context, head merkle.Head, keys [][]byte, events []StoredEvent) error {
	a, err := c.auditor(ctx)
	if a == nil || err != nil {
		return err
	}
	if err := errors.Join(a.checkHead(ctx, head), c.checkEvents(ctx, events)); err != nil {
		return err
	}
	found := make(map[string]event.Seq, len(events))
	for i := range events {
		found[string(events[i].Header.Key)] = events[i].Seq
	}
	for _, key := range keys {
		want, exists := a.newest(key)
		got, ok := found[string(key)]
		if exists && uint64(want) < head.Size && (!ok || got < want) {
			return fault.New(fault.Forked, "the server kept back event %d, which is the newest of object %q", want, key)
		}
	}
	return nil
}
