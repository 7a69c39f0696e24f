package client

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/secrecy"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// ErrClosed is what calls fail with after Close. A commit that was unanswered
// then may or may not be stored.
var ErrClosed error = fault.New(fault.Unavailable, "the client is closed")

// Client has one chain open. Its methods may be called concurrently.
//
// It owns two goroutines: run receives from the connection and replaces it
// when it is lost; write writes for those who need not wait for it. Once a
// connection is open, neither run nor anyone who holds mu writes to it, so that
// a server that waits for the client to read is always read from.
type Client struct {
	options Options
	url     chainname.URL
	owner   []byte          // the encoded public key of a chain that the client makes; nil without a Signer
	ctx     context.Context // ends at Close
	cancel  context.CancelFunc
	workers sync.WaitGroup
	kick    chan struct{} // asks write to flush
	ended   chan struct{} // closed once err is set

	received atomic.Uint64 // messages, so that write notices a silent server

	target      chainname.URL      // run's own: where to connect to, after a redirect
	expectation *known.Expectation // run's own: of the server of the present attempt
	expected    event.ChainID      // of the chain, if it is remembered
	sealer      sealer

	auditor auditor

	mu      sync.Mutex // guards what follows
	conn    *wire.Conn // nil while there is none
	chain   Chain
	seen    event.Seq   // the chain is known to have held every seq before this one
	latest  merkle.Head // the newest head that the server has told of
	heardAt time.Time   // when it last told of one
	proven  merkle.Head // the newest one that continues all that were remembered before
	window  window
	commit  wirepb.Commit // scratch for encoding
	calls   map[uint64]*call
	lastID  uint64
	locks   map[string]*Lock
	sub     *Subscription    // the open one
	subbed  bool             // conn has carried a subscription
	server  wire.Server      // of conn, or of the last one
	ring    *secrecy.Keyring // the data keys that were opened; nil before the first
	err     error            // why the client has ended
}

// Chain is what the client knows of its chain.
type Chain struct {
	Name     chainname.Name
	ID       event.ChainID
	Genesis  event.Genesis
	Record   []byte    // the record of its first event
	Next     event.Seq // the seq after the newest event that the client knows of
	ReadOnly string    // why commits were refused when it connected; empty if they were not
}

// Dial opens the chain of a URL such as ws://host:5000/db/example.com/joe/mydb
// or tcp://host:5000/db/engineers/mydb, and returns once it is open. It tries
// again until ctx ends, which it then answers with the last failure, unless
// trying again cannot help: a malformed URL is bad_request or bad_name, a
// chain that does not exist not_found, and so on. ctx bounds Dial alone.
func Dial(ctx context.Context, url string, options Options) (*Client, error) {
	u, err := chainname.ParseURL(url)
	if err != nil {
		return nil, err
	}
	c := &Client{
		options: options.withDefaults(),
		url:     u,
		target:  u,
		kick:    make(chan struct{}, 1),
		ended:   make(chan struct{}),
		calls:   make(map[uint64]*call),
		locks:   make(map[string]*Lock),
	}
	if c.owner, err = c.options.owner(); err != nil {
		return nil, err
	}
	if err := c.recall(); err != nil {
		return nil, err
	}
	conn, err := c.reconnect(ctx, 0)
	if err != nil {
		return nil, err
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.workers.Go(func() { c.run(conn) })
	c.workers.Go(c.write)
	return c, nil
}

// Chain returns what is known of the chain now.
func (c *Client) Chain() Chain {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.chain
}

// Server returns who the server of the last connection is.
func (c *Client) Server() wire.Server {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server
}

// Done is closed when the client has ended: by Close, or because connecting
// again cannot help. Err then says why.
func (c *Client) Done() <-chan struct{} { return c.ended }

// Err returns nil while the client works, and why it ended afterwards.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the connection and everything that waits for it. It does not wait
// for unanswered commits: see [Pending.Wait]. If heads are remembered, it first
// asks for the proof that the newest one continues the last, for a short time;
// that the server gives another answer is a forked fault.
func (c *Client) Close() error {
	var err error
	if c.options.Heads != nil && c.current() != nil {
		ctx, cancel := context.WithTimeout(c.ctx, rememberTimeout)
		if err = c.prove(ctx); !fault.Is(err, fault.Forked) {
			err = nil
		}
		cancel()
	}
	c.end(ErrClosed)
	c.cancel()
	c.auditor.close()
	c.workers.Wait()
	return err
}

// end makes every present and later call fail with err. Only the first counts.
func (c *Client) end(err error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = err
	conn, sub := c.conn, c.sub
	c.conn, c.sub = nil, nil
	unanswered := c.window.drain()
	calls := c.calls
	c.calls = nil
	c.loseLocks()
	close(c.ended)
	c.mu.Unlock()

	if conn != nil {
		conn.Close()
	}
	for _, p := range unanswered {
		p.resolve(Receipt{}, err)
	}
	for _, call := range calls {
		call.answer <- answer{err: err}
	}
	if sub != nil {
		sub.fail(err)
	}
}

// flush writes what is queued on conn. After a failure the connection is of no
// use; closing it tells run.
func flush(conn *wire.Conn) {
	if err := conn.Flush(); err != nil {
		conn.Close()
	}
}

// flushSoon has the write goroutine flush.
func (c *Client) flushSoon() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// advance takes note of how far the chain is known to reach. The caller holds mu.
func (c *Client) advance(next event.Seq) {
	c.seen = max(c.seen, next)
	c.chain.Next = max(c.chain.Next, next)
}
