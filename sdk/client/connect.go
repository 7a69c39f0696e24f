package client

import (
	"context"
	"errors"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// run receives until the client ends, on one connection after the other.
func (c *Client) run(conn *wire.Conn) {
	for {
		progress, err := c.serve(conn)
		if isFinal(err) {
			c.end(err)
		}
		if c.ctx.Err() != nil || c.Err() != nil {
			return
		}
		c.options.Logger.Warn("connection lost", "chain", c.url.Name, "error", err)
		c.options.OnState(State{Err: err})
		attempt := 1
		if progress {
			attempt = 0
		}
		if conn, err = c.reconnect(c.ctx, attempt); err != nil {
			c.end(err)
			return
		}
	}
}

// reconnect connects until it succeeds, ctx ends, or trying again cannot help.
// It pauses before the first attempt as after that many failures.
func (c *Client) reconnect(ctx context.Context, attempt int) (*wire.Conn, error) {
	var last error
	for ; ; attempt++ {
		select {
		case <-ctx.Done():
			if last == nil {
				last = fault.New(fault.Unavailable, "connecting to %s: %w", c.target.Host, ctx.Err())
			}
			return nil, last
		case <-time.After(c.options.Backoff.pause(attempt)):
		}
		conn, err := c.connect(ctx)
		if err == nil {
			c.options.OnState(State{Connected: true})
			return conn, nil
		}
		if isFinal(err) {
			return nil, err
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		c.options.OnState(State{Err: err})
	}
}

// connect makes one attempt, and resumes on the new connection what the last
// one left unfinished. A redirect holds for the next attempt only.
func (c *Client) connect(ctx context.Context) (*wire.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	target := c.target
	c.target = c.url
	first := c.chain.ID == event.ChainID{} // only connect writes it
	var err error
	if c.expectation, err = known.Expect(c.options.Hosts, target.Host, target.Fingerprint, c.options.OnUnknownServer); err != nil {
		return nil, err
	}
	conn, greeting, err := wire.Dial(ctx, target, wire.DialOptions{
		Agent: c.options.Agent, MinEncryption: max(c.options.MinEncryption, c.expectation.MinEncryption()), Offer: true,
		CheckServer: c.expectation.Check, TLS: c.options.TLS, DialContext: c.options.DialContext,
	})
	if err != nil {
		return nil, c.unopened(target, err)
	}
	conn.SetLimit(wire.MaxMessage)
	c.queueOpen(conn, c.options.Create && first)
	interrupt := context.AfterFunc(ctx, func() { conn.Close() })
	opened, err := c.expectOpened(conn, target)
	if err == nil && !interrupt() {
		err = fault.New(fault.Unavailable, "%s did not open the chain in time", target.Host)
	}
	if err == nil {
		err = c.resume(conn, opened, greeting)
	}
	if err != nil {
		interrupt()
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// queueOpen asks for the chain. It is the first that the server is told.
func (c *Client) queueOpen(conn *wire.Conn, create bool) {
	open := &wirepb.Open{Name: c.url.Name.String(), Create: create, KnownSize: c.Head().Size}
	if create && c.options.Signer != nil {
		open.RootKeys = [][]byte{c.owner}
	}
	conn.Queue(wire.Open, open)
	flush(conn)
}

// expectOpened receives the answer to Open.
func (c *Client) expectOpened(conn *wire.Conn, target chainname.URL) (*wirepb.Opened, error) {
	for {
		t, payload, err := conn.Receive()
		if err != nil {
			return nil, c.unopened(target, err)
		}
		if t != wire.Opened {
			if err := c.control(t, payload); err != nil {
				return nil, err
			}
			continue
		}
		var opened wirepb.Opened
		if err := stream.Unmarshal(t, payload, &opened); err != nil {
			return nil, err
		}
		return &opened, nil
	}
}

// unopened says that the connection ended before the chain was open. What a
// peer sends that is no AteDB server ends Dial; on a reconnect it may be a
// passing trouble.
func (c *Client) unopened(target chainname.URL, err error) error {
	garbled := fault.Is(err, fault.BadMessage) || fault.Is(err, fault.TooLarge)
	known := c.chain.ID != event.ChainID{}
	var f *fault.Error
	if errors.As(err, &f) && !(garbled && known) {
		return err
	}
	return fault.New(fault.Unavailable, "%s ended the connection before it opened the chain: %w", target.Host, err)
}

// resume makes conn the client's connection and queues what is unfinished:
// commits in their order, questions, and the subscription.
func (c *Client) resume(conn *wire.Conn, opened *wirepb.Opened, greeting wire.Greeting) error {
	chain, err := parseOpened(opened, c.url.Name)
	if err != nil {
		return err
	}
	if err := c.checkSigner(&chain.Genesis); err != nil {
		return err
	}
	if err := c.expectation.Proven(); err != nil {
		return err
	}
	if c.options.Create && len(c.options.Delegation) > 0 && chain.Genesis.Trust == event.Distributed {
		return fault.New(fault.NotAuthorized, "the chain %s is of distributed trust, where a token cannot write: what is signed there must be checked without a server; use the user's own key instead of a token", chain.Name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		return c.err
	case c.chain.ID != event.ChainID{} && c.chain.ID != chain.ID:
		return fault.New(fault.NotFound, "the chain %s is another one than before: its id was %s and is now %s; dial again if that is right", chain.Name, c.chain.ID, chain.ID)
	case chain.Next < c.seen:
		return fault.New(fault.Damaged, "the chain %s ends at seq %d, but the server had confirmed events up to %d: it lost some, or was restored from an older copy", chain.Name, chain.Next, c.seen)
	}
	head, err := c.checkOpened(chain, opened)
	if err != nil {
		return err
	}
	if c.chain.ID == (event.ChainID{}) { // what is written but once is read without the lock
		c.chain, c.proven = chain, head
		if err := c.remember(head); err != nil {
			return err
		}
	}
	c.chain.Next, c.chain.ReadOnly, c.latest, c.heardAt = chain.Next, chain.ReadOnly, head, time.Now()
	if c.options.Signer != nil {
		c.sealer.introduced = c.sealer.introduced || isRoot(&chain.Genesis, c.options.Signer.Public().Bytes())
	}
	c.conn, c.server, c.subbed = conn, greeting.Server, false
	c.queueProof(conn, greeting.Binding)
	c.window.limit(int(opened.MaxCommits), int(min(opened.MaxCommitBytes, 1<<40)))
	for _, p := range c.window.unanswered {
		c.queueCommit(conn, p)
	}
	for _, call := range c.calls {
		conn.Queue(call.kind, call.question)
	}
	if c.sub != nil {
		c.subbed = true
		c.sub.resume(conn)
	}
	c.flushSoon()
	return nil
}

// parseOpened checks that the genesis is of this chain.
func parseOpened(opened *wirepb.Opened, name chainname.Name) (Chain, error) {
	record, _, err := event.CutRecord(opened.Genesis)
	if err != nil {
		return Chain{}, fault.New(fault.Damaged, "the genesis of chain %s: %w", name, err)
	}
	frame, _, err := event.CutFrame(record.Frames)
	if err != nil {
		return Chain{}, fault.New(fault.Damaged, "the genesis of chain %s: %w", name, err)
	}
	genesis, id, err := event.ParseGenesis(frame)
	if err != nil {
		return Chain{}, err
	}
	if genesis.Name != name || string(opened.ChainId) != string(id[:]) {
		return Chain{}, fault.New(fault.Damaged, "the server opened chain %s as %x, but its genesis is that of %s with id %s", name, opened.ChainId, genesis.Name, id)
	}
	return Chain{Name: name, ID: id, Genesis: genesis, Record: opened.Genesis, Next: event.Seq(opened.Next), ReadOnly: opened.ReadOnly}, nil
}

// write flushes when asked to, asks a silent server whether it is there, and
// drops the connection of one that does not answer.
func (c *Client) write() {
	ticker := time.NewTicker(c.options.KeepAlive)
	defer ticker.Stop()
	var last uint64
	silent := 0
	for {
		select {
		case <-c.ended:
			return
		case <-c.kick:
			if conn := c.current(); conn != nil {
				flush(conn)
			}
		case <-ticker.C:
			conn, n := c.current(), c.received.Load()
			if silent++; conn == nil || n != last {
				silent = 0
			}
			last = n
			switch {
			case silent >= 3:
				conn.Close()
			case silent > 0:
				conn.Queue(wire.Ping, &wirepb.Ping{})
				flush(conn)
			}
		}
	}
}

func (c *Client) current() *wire.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}
