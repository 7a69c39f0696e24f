package client

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// rememberTimeout is how long Close waits for the proof that the newest head
// continues the one that is remembered.
const rememberTimeout = 2 * time.Second

// headAge is how old a head may be that a seal builds on, in Options.KeepAlives.
const headAge = 3

// recall finds the newest head that is remembered of the chain, before the
// first connection.
func (c *Client) recall() error {
	if c.options.Heads == nil {
		return nil
	}
	id, ok, err := c.options.Heads.ChainOf(c.url.Host, c.url.Name)
	if err != nil || !ok {
		return err
	}
	c.expected = id
	head, ok, err := c.options.Heads.Last(id)
	if err == nil && ok {
		c.proven, c.latest = head, head
	}
	return err
}

// checkOpened returns a forked fault unless the chain that the server opened is
// the one that is expected, and its head continues the newest one that the
// server has told of.
func (c *Client) checkOpened(chain Chain, opened *wirepb.Opened) (merkle.Head, error) {
	head, err := merkle.HeadOf(opened.Head)
	if err != nil {
		return head, err
	}
	if head.Size != opened.Next {
		return head, fault.New(fault.BadMessage, "the server opened chain %s at seq %d with a head of size %d", c.url.Name, opened.Next, head.Size)
	}
	if c.expected != (event.ChainID{}) && c.expected != chain.ID {
		if err := c.options.Heads.Remember(chain.ID, c.url.Name, c.url.Host, head); fault.Is(err, fault.Forked) {
			return head, err // which says what to remove if that is right
		}
		return head, fault.New(fault.Forked, "the chain %s at %s is another one than before: its id was %s and is now %s", c.url.Name, c.url.Host, c.expected, chain.ID)
	}
	if c.latest.Size == 0 {
		return head, nil
	}
	if head.Size < c.latest.Size {
		return head, fault.New(fault.Forked, "the chain %s was rolled back: its head was %s and is now %s", c.url.Name, c.latest, head)
	}
	proof, err := hashes(opened.Consistency)
	if err != nil {
		return head, err
	}
	if err := merkle.CheckConsistency(proof, c.latest, head); err != nil {
		return head, fault.New(fault.Forked, "the chain %s was rewritten: its head was %s, and the present one, %s, does not continue it: %w", c.url.Name, c.latest, head, err)
	}
	return head, nil
}

// prove checks that the newest head that the server has told of continues the
// one that was proven last, and remembers it. Whatever the server answers but a
// good proof, or that it cannot now, is a forked fault: it told of both heads.
func (c *Client) prove(ctx context.Context) error {
	c.mu.Lock()
	proven, latest := c.proven, c.latest
	c.mu.Unlock()
	if proven == latest {
		return nil
	}
	proof, err := c.consistency(ctx, proven.Size, latest.Size)
	if err == nil {
		err = merkle.CheckConsistency(proof, proven, latest)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil || c.Err() != nil || fault.Is(err, fault.Unavailable):
		return err
	default:
		return fault.New(fault.Forked, "the chain %s was rewritten: its head was %s, and that a later one, %s, continues it was not proven: %w", c.url.Name, proven, latest, err)
	}
	c.mu.Lock()
	c.proven = latest
	c.mu.Unlock()
	return c.remember(latest)
}

func (c *Client) remember(head merkle.Head) error {
	if c.options.Heads == nil {
		return nil
	}
	return c.options.Heads.Remember(c.chain.ID, c.url.Name, c.url.Host, head)
}

// told takes note of a head that the server has told of. The caller holds mu.
func (c *Client) told(pb *wirepb.Head) error {
	if pb == nil {
		return nil
	}
	head, err := merkle.HeadOf(pb)
	if err != nil {
		return err
	}
	c.heardAt = time.Now()
	switch {
	case head.Size > c.latest.Size:
		c.latest = head
	case head.Size == c.latest.Size && head != c.latest:
		return fault.New(fault.Forked, "the chain %s has two heads: the server said %s and then %s", c.url.Name, c.latest, head)
	}
	return nil
}

// Head returns the newest head of the chain that the server has told of.
func (c *Client) Head() merkle.Head {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest
}

// refresh asks the server for its head.
func (c *Client) refresh(ctx context.Context) error {
	_, err := c.ask(ctx, wire.Ping, func(id uint64) stream.Message { return &wirepb.Ping{Id: id} })
	return err
}

// refreshOld refreshes the head if it was heard of long ago.
func (c *Client) refreshOld(ctx context.Context) error {
	c.mu.Lock()
	old := time.Since(c.heardAt) > headAge*c.options.KeepAlive
	c.mu.Unlock()
	if !old {
		return nil
	}
	return c.refresh(ctx)
}

func hashes(raw [][]byte) ([]event.Hash, error) {
	if len(raw) > merkle.MaxProof {
		return nil, fault.New(fault.BadMessage, "the server sent a proof of %d hashes; none has more than %d", len(raw), merkle.MaxProof)
	}
	out := make([]event.Hash, len(raw))
	for i, h := range raw {
		if len(h) != len(event.Hash{}) {
			return nil, fault.New(fault.BadMessage, "the server sent a hash of %d bytes in a proof", len(h))
		}
		out[i] = event.Hash(h)
	}
	return out, nil
}
