package authserver

import (
	"context"
	"sync"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
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

// call is an unanswered request.
type call struct {
	id     uint64
	answer chan answer // takes one without blocking
}

type answer struct {
	reply *authserverpb.Reply
	err   error
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
		url: u, statements: o.Statements, heads: o.Heads, cost: o.Cost,
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

// ask asks the server and returns what it answers. A refusal is a fault.
func (c *Client) ask(ctx context.Context, request *authserverpb.Request) (*authserverpb.Reply, error) {
	call, err := c.queue(request)
	if err != nil {
		return nil, err
	}
	select {
	case c.kick <- struct{}{}:
	default:
	}
	select {
	case a := <-call.answer:
		if a.err != nil {
			return nil, a.err
		}
		return a.reply, refusal(a.reply)
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "%s has not answered: %w", c.url.Host, context.Cause(ctx))
	}
}

func (c *Client) queue(request *authserverpb.Request) (*call, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	if len(c.calls) >= MaxUnanswered {
		return nil, fault.New(fault.Overloaded, "%s has not answered %d requests; wait for its answers", c.url.Host, len(c.calls))
	}
	c.lastID++
	request.Id = c.lastID
	if size := request.SizeVT(); size >= MaxMessage {
		return nil, fault.New(fault.TooLarge, "a request to the authentication server has %d bytes; at most %d are allowed", size, MaxMessage)
	}
	call := &call{id: request.Id, answer: make(chan answer, 1)}
	c.calls = append(c.calls, call)
	c.conn.Queue(wire.AuthRequest, request)
	return call, nil
}

// refusal returns what a reply refuses as an error.
func refusal(reply *authserverpb.Reply) error {
	if reply.Code == "" {
		return nil
	}
	reason := reply.Reason[:min(len(reply.Reason), MaxReason)]
	if reply.RetryAfterSeconds > 0 {
		return fault.New(fault.Code(reply.Code), "%s; try again in %d seconds", reason, reply.RetryAfterSeconds)
	}
	return fault.New(fault.Code(reply.Code), "%s", reason)
}

// receive hands answers to who asked, until the connection ends.
func (c *Client) receive() {
	for {
		t, payload, err := c.conn.Receive()
		if err == nil {
			err = c.expect.Proven() // a message could be opened
		}
		if err == nil {
			err = c.handle(t, payload)
		}
		if err != nil {
			if stream.IsClosed(err) {
				err = fault.New(fault.Unavailable, "%s ended the connection: %w", c.url.Host, err)
			}
			c.end(err)
			return
		}
	}
}

func (c *Client) handle(t wire.Type, payload []byte) error {
	switch t {
	case wire.AuthReply:
		reply := new(authserverpb.Reply)
		if err := stream.Unmarshal(t, payload, reply); err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.calls) == 0 || c.calls[0].id != reply.Id {
			return fault.New(fault.BadMessage, "%s answered the request %d, which was not the next one; it breaks the protocol", c.url.Host, reply.Id)
		}
		c.calls[0].answer <- answer{reply: reply}
		c.calls = c.calls[1:]
		return nil
	case wire.Bye:
		var bye wirepb.Bye
		if err := stream.Unmarshal(t, payload, &bye); err != nil {
			return err
		}
		return wire.AsFault(&bye)
	case wire.Notice:
		return nil // there is nobody to read it
	}
	return fault.New(fault.BadMessage, "%s sent a message of type %d, which an authentication server does not", c.url.Host, t)
}

// write writes what is asked.
func (c *Client) write() {
	for {
		select {
		case <-c.kick:
			if err := c.conn.Flush(); err != nil {
				c.conn.Close() // which tells receive
				return
			}
		case <-c.ended:
			return
		}
	}
}
