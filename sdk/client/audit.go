package client

import (
	"context"
	"sync"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/verify"
)

// audit verifies a chain of distributed trust for its client. It follows the
// whole log, without the data, on a connection of its own, so that whatever the
// client is sent can be compared with what the audit has verified.
//
// It begins again when the server says that tombstones were dropped which it was
// not sent, since it would take what ended for what lives. A server that says so
// when it is not true can hide with it that an object has a value, which it could
// from whoever comes later, but not serve an older one: see past.
type audit struct {
	client *Client
	stop   context.CancelFunc
	done   sync.WaitGroup

	turn    chan struct{} // holds a word while somebody uses what follows, which may wait for the server
	log     *verify.Log
	before  *past         // of the log before this one, until that has been compared; or nil
	err     error         // why nothing is verified any more
	changed chan struct{} // closed and replaced when something above changes
}

// past is what was verified of a chain before its log was begun again. Nothing is
// answered before the new one is as long; then it is compared.
type past struct {
	next    event.Seq
	objects authority.LiveObjects
}

func (a *audit) close() {
	a.stop()
	a.done.Wait()
	a.client.Close()
}

// run verifies batches as they come, and again from the first if restarted says
// that they begin again, as it does once each time.
func (a *audit) run(ctx context.Context, sub *Subscription, restarted func() bool) {
	for {
		batch, err := sub.NextBatch(ctx)
		a.turn <- struct{}{} // nobody else uses it for long
		if err == nil && restarted() {
			err = a.again()
		}
		switch {
		case err != nil:
		case batch.Count == 0:
			err = a.log.Skip(ctx, batch.First)
		default:
			err = a.log.Add(ctx, &batch)
		}
		a.err = err
		close(a.changed)
		a.changed = make(chan struct{})
		a.unlock()
		if err != nil {
			return
		}
	}
}

// again begins to verify the log from its first event.
func (a *audit) again() error {
	log, err := a.client.verifier()
	if err != nil {
		return err
	}
	if a.before == nil {
		a.before = &past{a.log.Next(), a.log.LiveObjects()}
	}
	a.log = log
	return nil
}

func (a *audit) lock(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *audit) unlock() { <-a.turn }

// reach waits until the log is verified up to a size, and returns with the lock
// held unless there is an error.
func (a *audit) reach(ctx context.Context, size uint64) error {
	for {
		if err := a.lock(ctx); err != nil {
			return err
		}
		err, changed := a.err, a.changed
		if a.before != nil {
			size = max(size, uint64(a.before.next))
		}
		if err == nil && uint64(a.log.Next()) >= size {
			return nil
		}
		a.unlock()
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

// reachHead is reach, with a forked fault unless the log had the head.
func (a *audit) reachHead(ctx context.Context, head merkle.Head) error {
	if err := a.reach(ctx, head.Size); err != nil {
		return err
	}
	if err := a.log.CheckHead(ctx, head); err != nil {
		a.unlock()
		return err
	}
	return nil
}

// check returns a forked fault unless an event is the one of the log. It returns
// false for one that the log says was dropped: it may be as good as the others,
// but that its signer might write it is not verified. A tombstone that was dropped
// is all right if the log without it says the same: that what came before it has
// ended.
func (a *audit) check(ctx context.Context, e *StoredEvent) (bool, error) {
	if err := a.reach(ctx, uint64(e.Seq)+1); err != nil {
		return false, err
	}
	defer a.unlock()
	want, err := a.log.Leaf(ctx, e.Seq)
	if err == nil && want != e.leaf {
		err = fault.New(fault.Forked, "the server sent an event %d with leaf hash %s; the one in the log has %s", e.Seq, e.leaf, want)
	}
	if err != nil || !a.log.Dropped(e.Seq) {
		return err == nil, err
	}
	seq, lives := a.log.Newest(e.Header.Key)
	return e.Header.Tombstone && (!lives || seq > e.Seq), nil
}

// checkLive returns a forked fault unless the log fits the newest that the server
// said of what lives, and what was verified of it before.
func (a *audit) checkLive() error {
	if before := a.before; before != nil && !a.log.LiveObjects().Continue(before.objects, before.next) {
		return fault.New(fault.Forked, "the server put back a value that had been superseded, or that had ended, before event %d", before.next)
	}
	err := a.log.CheckLive()
	if err == nil {
		a.before = nil
	}
	return err
}

// authority returns what is in force at a head, or later.
func (a *audit) authority(ctx context.Context, head merkle.Head, key, parent []byte) (authority.Resolved, error) {
	if err := a.reachHead(ctx, head); err != nil {
		return authority.Resolved{}, err
	}
	defer a.unlock()
	return a.log.Authority(key, parent)
}

// newest is the objects' newest events at a time.
type newest struct {
	next event.Seq // of the log then
	seqs map[string]event.Seq
	lie  error // what shows that they are not all
}

// newest returns the newest events of the objects with these keys at a head, or
// later.
func (a *audit) newest(ctx context.Context, head merkle.Head, keys [][]byte) (newest, error) {
	if err := a.reachHead(ctx, head); err != nil {
		return newest{}, err
	}
	defer a.unlock()
	n := newest{a.log.Next(), make(map[string]event.Seq), a.checkLive()}
	for _, key := range keys {
		if seq, ok := a.log.Newest(key); ok {
			n.seqs[string(key)] = seq
		}
	}
	return n, nil
}

// outdated returns a forked fault if loaded events are not these newest ones, or
// later ones. What was asked for and not loaded must not have existed.
func (n *newest) outdated(keys [][]byte, events []StoredEvent) error {
	loaded := make(map[string]event.Seq, len(events))
	for i := range events {
		loaded[string(events[i].Header.Key)] = events[i].Seq
	}
	for _, key := range keys {
		want, exists := n.seqs[string(key)]
		got, ok := loaded[string(key)]
		switch {
		case ok && got >= n.next || ok == exists && got == want:
		case exists:
			return fault.New(fault.Forked, "the server kept back event %d, which is the newest of object %q", want, key)
		default:
			return fault.New(fault.Forked, "the server sent event %d of object %q, which has no value any more", got, key)
		}
	}
	return nil
}

// verified returns those of events that the audit has verified, in the same
// slice, if the chain is audited; the others were dropped.
func (c *Client) verified(ctx context.Context, events []StoredEvent) ([]StoredEvent, error) {
	a, err := c.audited(ctx)
	if a == nil || err != nil {
		return events, err
	}
	kept := events[:0]
	for i := range events {
		there, err := a.check(ctx, &events[i])
		if err != nil {
			return nil, err
		}
		if there {
			kept = append(kept, events[i])
		}
	}
	return kept, nil
}

// loadNewest loads the newest events of objects and checks that they are. An
// object may have ended meanwhile, or compaction may have dropped what was
// loaded, or something while the audit read it; then the chain has grown, since
// the server says what lives before it drops anything, and it loads again, for as
// long as ctx lets it. Only a chain that has not grown shows that the server lies.
// It grows by who may write, and by the server itself, when it compacts.
func (c *Client) loadNewest(ctx context.Context, a *audit, keys [][]byte) ([]StoredEvent, error) {
	for {
		n, err := a.newest(ctx, c.Head(), keys)
		if err != nil {
			return nil, err
		}
		loaded, err := c.loadKeys(ctx, keys)
		if err != nil {
			return nil, err
		}
		lie, count := n.outdated(keys, loaded), len(loaded)
		if lie == nil {
			lie = n.lie
		}
		events, err := c.verified(ctx, loaded)
		if err != nil {
			return nil, err
		}
		if lie == nil && len(events) < count {
			lie = fault.New(fault.Forked, "the server sent an event that it had said was dropped")
		}
		if lie == nil {
			return events, nil
		}
		if err := c.refresh(ctx); err != nil {
			return nil, err
		}
		if c.Head().Size <= uint64(n.next) {
			return nil, lie
		}
	}
}
