// Package clienttest is an in-memory AteDB server, for tests of what uses the
// client. It speaks the whole protocol over ws:// and tcp://, keeps its chains
// as long as it lives, and misbehaves on demand: see [Faults]. In its chains
// everyone may write and read.
package clienttest

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/coder/websocket"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// Faults is how a server misbehaves. Its functions may be called concurrently.
type Faults struct {
	// Open is called when a client opens a chain; its error refuses that. A
	// Redirect sends the client elsewhere.
	Open func(name string) error
	// Chain is called for each connection that opens a chain, numbered from 1,
	// and returns the name under which the history is kept that it is served:
	// another than the chain's own is one that Fork made.
	Chain func(conn int, name string) string
	// Received is called with each message after Open. A connection has the one
	// that was set when it was opened.
	Received func(t wire.Type, payload []byte)
	// Send is called with each message of a connection before it is sent, and
	// changes it as it likes.
	Send func(conn int, m stream.Message)
	// Commit is called for each commit that arrives, numbered from 1 over all
	// connections.
	Commit func(n int) Action
	// Events is called with each message of records before it is sent, and
	// returns what is sent in its place.
	Events func(records []byte) []byte
}

// Redirect is an error that names where a chain is served.
type Redirect struct{ URL string }

// Error returns the URL.
func (r Redirect) Error() string { return r.URL }

// Action is what becomes of a commit.
type Action struct {
	DropBefore bool          // end the connection without storing it
	DropAfter  bool          // store it and end the connection without an answer
	Garbage    bool          // store it and answer with bytes that mean nothing
	Refuse     *fault.Error  // do not store it, and say so
	Bye        *fault.Error  // do not store it, and end the connection with this
	Until      chan struct{} // go on only once this is closed
}

// Options says what a server allows a client. The zero value is of use.
type Options struct {
	MaxCommits     int  // unanswered; 0 is 1024
	MaxCommitBytes int  // of frames in them; 0 is 16 MiB
	Discard        bool // store nothing, to measure a client's own cost

	Judge      bool              // refuse what the rules of package authority refuse; always so in distributed trust
	Trust      event.Trust       // of the chains; zero is centralized
	Encryption int               // of the connections: 0, 128, 192 or 256
	Identity   *identity.Private // who the server is; nil if nothing is encrypted
}

// Server is a running server.
type Server struct {
	options   Options
	listeners []net.Listener
	workers   sync.WaitGroup

	mu       sync.Mutex // guards what follows
	faults   Faults
	chains   map[chainname.Name]*chain
	sessions map[*session]struct{}
	commits  int
	opened   int
	closed   bool
}

// Start starts a server on free ports of 127.0.0.1.
func Start(options Options) (*Server, error) {
	if options.MaxCommits == 0 {
		options.MaxCommits = 1024
	}
	if options.MaxCommitBytes == 0 {
		options.MaxCommitBytes = 16 << 20
	}
	s := &Server{options: options, chains: make(map[chainname.Name]*chain), sessions: make(map[*session]struct{})}
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.Close()
			return nil, err
		}
		s.listeners = append(s.listeners, l)
	}
	s.workers.Go(func() { s.acceptTCP(s.listeners[0]) })
	s.workers.Go(func() {
		// Serve's error says no more than that Close closed the listener.
		http.Serve(s.listeners[1], http.HandlerFunc(s.acceptWebSocket))
	})
	return s, nil
}

// URL returns the URL of a chain for the scheme "tcp" or "ws".
func (s *Server) URL(scheme, name string) string {
	l := s.listeners[0]
	if scheme == "ws" {
		l = s.listeners[1]
	}
	return scheme + "://" + l.Addr().String() + chainname.URLPrefix + name
}

// SetFaults replaces how the server misbehaves.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// DropConnections ends all connections without a word.
func (s *Server) DropConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.sessions {
		session.raw.Close()
	}
}

// Forget removes a chain, as if the server had lost its disk.
func (s *Server) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.chains, chainname.Name(name))
}

// Rewind removes the newest commits of a chain, as if it had been restored from
// an older copy: those that end after next.
func (s *Server) Rewind(name string, next event.Seq) {
	if c := s.chain(name); c != nil {
		c.rewind(next)
	}
}

// Compact drops events from a chain, as a server does: it first says in the chain,
// with two more events, what lives, and says to subscriptions what they may miss.
// It does not look whether something needs them. Connections that are sent its
// events go on after what they have.
func (s *Server) Compact(name string, seqs ...event.Seq) {
	if c := s.chain(name); c != nil {
		c.compact(seqs)
	}
}

// SayWhatLives appends the two events that Compact does.
func (s *Server) SayWhatLives(name string) {
	if c := s.chain(name); c != nil {
		c.compact(nil)
	}
}

// Drop removes events from a chain without a word.
func (s *Server) Drop(name string, seqs ...event.Seq) {
	if c := s.chain(name); c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.drop(seqs)
	}
}

// Fork makes a second history of a chain, kept under another name, which is the
// same up to now.
func (s *Server) Fork(name, as string) {
	if c := s.chain(name); c != nil {
		other := c.fork()
		s.mu.Lock()
		s.chains[chainname.Name(as)] = other
		s.mu.Unlock()
	}
}

// Records returns the records of a chain, nil if there is no such chain.
func (s *Server) Records(name string) [][]byte {
	c := s.chain(name)
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.records)
}

// Opened returns how many connections have opened a chain so far.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Close ends all connections and waits for them. It always returns nil.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, l := range s.listeners {
		l.Close()
	}
	s.DropConnections()
	s.workers.Wait()
	return nil
}

func (s *Server) acceptTCP(l net.Listener) {
	for {
		nc, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		s.workers.Go(func() { s.serve(&prefaced{Conn: nc, left: len(wire.Preface)}) })
	}
}

// prefaced reads past what a raw connection begins with.
type prefaced struct {
	net.Conn
	left int
}

func (p *prefaced) Read(b []byte) (int, error) {
	for p.left > 0 {
		n, err := p.Conn.Read(make([]byte, p.left))
		if p.left -= n; err != nil {
			return 0, err
		}
	}
	return p.Conn.Read(b)
}

func (s *Server) acceptWebSocket(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:    []string{wire.Subprotocol},
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept has answered the request
	}
	s.workers.Add(1)
	defer s.workers.Done()
	s.serve(websocket.NetConn(r.Context(), ws, websocket.MessageBinary))
}

// open returns the chain, made if asked for, and the number of the connection.
func (s *Server) open(m *wirepb.Open) (*chain, int, error) {
	s.mu.Lock()
	refuse, choose := s.faults.Open, s.faults.Chain
	s.mu.Unlock()
	if refuse != nil {
		if err := refuse(m.Name); err != nil {
			return nil, 0, err
		}
	}
	parsed, err := chainname.Parse(m.Name)
	if err != nil {
		return nil, 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chains[parsed]
	if c == nil && !m.Create {
		return nil, 0, fault.New(fault.NotFound, "there is no chain %s", m.Name)
	}
	if c == nil {
		c = newChain(parsed, &s.options, m.RootKeys)
		s.chains[parsed] = c
	}
	s.opened++
	if choose != nil {
		c = s.chains[chainname.Name(choose(s.opened, m.Name))]
	}
	return c, s.opened, nil
}

func (s *Server) chain(name string) *chain {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chains[chainname.Name(name)]
}

// act counts a commit and returns what becomes of it.
func (s *Server) act() Action {
	s.mu.Lock()
	s.commits++
	n, decide := s.commits, s.faults.Commit
	s.mu.Unlock()
	if decide == nil {
		return Action{}
	}
	return decide(n)
}
