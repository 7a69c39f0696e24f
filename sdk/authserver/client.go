package authserver

import (
	"context"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/wire"
)

// errClosed is what calls fail with after Close.
var errClosed error = fault.New(fault.Unavailable, "the connection to the authentication server was closed")

// Client has one connection to an authentication server. Its methods may be
// called concurrently. When the connection is lost, so is the client: see Done.
//
// It owns two goroutines: receive receives answers, write writes questions, so
// that nobody who asks waits for a server that does not read.
type Client struct {
	url        URL
	statements known.Statements
	heads      known.Heads
	cost       account.Cost
	patience   time.Duration // for an answer; 0 is for as long as the call
	greeting   wire.Greeting
	conn       *wire.Conn
	expect     *known.Expectation // receive's own
	kick       chan struct{}      // asks write to flush
	ended      chan struct{}      // closed once err is set
	workers    sync.WaitGroup
	retrying   chan struct{} // holds a word while a Look is asked again

	mu     sync.Mutex // guards what follows
	calls  []*call    // unanswered, in the order of their asking
	lastID uint64
	chain  event.ChainID // of the log; zero if it is not known yet
	head   merkle.Head   // the newest one of the log that is proven
	err    error         // why the client has ended
}

// Dial connects to the server of a URL. ctx bounds Dial alone. Its errors are
// faults: bad_request for the URL, unknown_server or wrong_server for the server
// itself, and unavailable if it cannot be reached.
func Dial(ctx context.Context, url string, o Options) (*Client, error) {
	u, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	c := &Client{
		url: u, statements: o.Statements, heads: o.Heads, cost: o.Cost, patience: o.Patience,
		kick: make(chan struct{}, 1), ended: make(chan struct{}), retrying: make(chan struct{}, 1),
	}
	if c.statements == nil || c.heads == nil {
		memory := new(known.Memory)
		if c.statements == nil {
			c.statements = memory
		}
		if c.heads == nil {
			c.heads = memory
		}
	}
	if c.cost == (account.Cost{}) {
		c.cost = account.DefaultCost
	}
	if err := c.recall(); err != nil {
		return nil, err
	}
	if c.expect, err = known.Expect(o.Hosts, u.Host, u.Fingerprint, o.OnUnknownServer); err != nil {
		return nil, err
	}
	c.conn, c.greeting, err = wire.DialPath(ctx, u.Scheme, u.Host, Path, wire.DialOptions{
		Agent: o.Agent, MinEncryption: max(o.MinEncryption, c.expect.MinEncryption()), Offer: true,
		CheckServer: c.expect.Check, TLS: o.TLS, DialContext: o.DialContext,
	})
	if err != nil {
		return nil, err
	}
	c.conn.SetLimit(MaxMessage)
	c.workers.Go(c.receive)
	c.workers.Go(c.write)
	return c, nil
}

// URL returns the server's URL.
func (c *Client) URL() URL { return c.url }

// Server returns who the server is.
func (c *Client) Server() wire.Server { return c.greeting.Server }

// Done is closed when the client has ended: by Close, or because the connection
// was lost. Err then says why.
func (c *Client) Done() <-chan struct{} { return c.ended }

// Err returns nil while the client works, and why it ended afterwards.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection and everything that waits for it.
func (c *Client) Close() error {
	c.end(errClosed)
	c.workers.Wait()
	return nil
}

// end makes every present and later call fail with err. Only the first counts.
func (c *Client) end(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	calls := c.calls
	c.calls = nil
	close(c.ended)
	c.mu.Unlock()
	c.conn.Close()
	for _, call := range calls {
		call.answer <- answer{err: err}
	}
}
