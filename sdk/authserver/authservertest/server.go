// Package authservertest is an authentication server in memory, for tests of
// what asks one. It speaks the whole protocol over ws://, keeps users, groups and
// tokens as long as it lives, and lies on demand: see [Faults] and [Server.Put].
// It does not slow down those who guess.
package authservertest

import (
	"net"
	"net/http"
	"sync"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
)

// Faults is how a server misbehaves. Its functions may be called concurrently.
type Faults struct {
	// Answer is called with each request and its reply before it is sent, and
	// changes the reply as it likes.
	Answer func(request *authserverpb.Request, reply *authserverpb.Reply)
	// Raw returns what is sent in place of the reply, if not nil: the bytes of
	// an AuthReply message.
	Raw func(request *authserverpb.Request) []byte
	// Hang is called before a request is answered. While it has not returned,
	// the connection has no answers.
	Hang func(request *authserverpb.Request)
}

// Options says what a server is like. The zero value is of use.
type Options struct {
	Identity   *identity.Private // nil makes one
	Encryption int               // least: 0, 128, 192 or 256
	Address    string            // to listen on; empty is a free port of 127.0.0.1
}

// Server is a running server.
type Server struct {
	identity *identity.Private
	options  Options
	listener net.Listener
	workers  sync.WaitGroup

	mu       sync.Mutex // guards what follows
	faults   Faults
	log      *log
	accounts *accounts
	conns    map[net.Conn]struct{}
	opened   int
	closed   bool
}

// Start starts a server.
func Start(o Options) (*Server, error) {
	if o.Identity == nil {
		var err error
		if o.Identity, err = identity.New(); err != nil {
			return nil, err
		}
	}
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, err
	}
	s := &Server{
		identity: o.Identity, options: o, listener: l,
		log: newLog(o.Identity), accounts: newAccounts(), conns: make(map[net.Conn]struct{}),
	}
	s.workers.Go(func() {
		// Serve's error says no more than that Close closed the listener.
		_ = http.Serve(l, http.HandlerFunc(s.accept))
	})
	return s, nil
}

// Address returns where the server listens, host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// URL returns the server's URL, without its fingerprint.
func (s *Server) URL() string { return "ws://" + s.Address() + authserver.Path }

// PinnedURL returns the server's URL with its fingerprint.
func (s *Server) PinnedURL() string { return s.URL() + "#fp=" + s.Fingerprint().String() }

// Fingerprint returns the server's fingerprint.
func (s *Server) Fingerprint() identity.Fingerprint { return s.identity.Public().Fingerprint() }

// SetFaults replaces how the server misbehaves.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Put gives an object of the server's log a value, whatever that is: the server
// says it of itself.
func (s *Server) Put(key, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.put(key, data)
}

// Follow has the statement with a number take the place of the one before in an
// object of the server's log, and keeps that, as a server does.
func (s *Server) Follow(key []byte, number uint64, before, next account.Signed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.follow(key, number, before, next)
}

// Save returns what puts the server's log back into its present state, as a
// backup does. What it keeps of users beside the log stays.
func (s *Server) Save() (restore func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	saved := s.log.copy()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.log = saved.copy()
	}
}

// Renew gives the server another log, with all objects that the present one has.
func (s *Server) Renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := newLog(s.identity)
	for key, e := range s.log.newest {
		fresh.put([]byte(key), dataOf(e))
	}
	s.log = fresh
}

// Opened returns how many connections were opened.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// DropConnections ends all connections without a word.
func (s *Server) DropConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for nc := range s.conns {
		nc.Close()
	}
}

// Close ends the server and its connections.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.listener.Close()
	s.DropConnections()
	s.workers.Wait()
	return err
}

func (s *Server) accept(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != authserver.Path {
		http.NotFound(w, r)
		return
	}
	nc, err := wire.Upgrade(w, r)
	if err != nil {
		return
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		nc.Close()
		return
	}
	s.conns[nc] = struct{}{}
	s.opened++
	s.workers.Add(1)
	s.mu.Unlock()
	defer func() {
		nc.Close()
		s.mu.Lock()
		delete(s.conns, nc)
		s.mu.Unlock()
		s.workers.Done()
	}()
	conn, greeting, err := wire.Accept(nc, wire.AcceptOptions{Encryption: s.options.Encryption, Identity: s.identity})
	if err != nil {
		return
	}
	_ = conn.SetReadDeadline(noDeadline)
	conn.SetLimit(authserver.MaxMessage)
	s.serve(conn, greeting)
}

// serve answers requests until the connection ends.
func (s *Server) serve(conn *wire.Conn, greeting wire.Greeting) {
	c := &connection{server: s, binding: greeting.Binding}
	for {
		t, payload, err := conn.Receive()
		if err != nil || t != wire.AuthRequest {
			return
		}
		request := new(authserverpb.Request)
		if err := stream.Unmarshal(t, payload, request); err != nil {
			return
		}
		s.mu.Lock()
		faults := s.faults
		s.mu.Unlock()
		if faults.Hang != nil {
			faults.Hang(request)
		}
		reply := c.answer(request)
		if faults.Answer != nil {
			faults.Answer(request, reply)
		}
		var m stream.Message = reply
		if faults.Raw != nil {
			if raw := faults.Raw(request); raw != nil {
				m = rawMessage(raw)
			}
		}
		if err := conn.Send(wire.AuthReply, m); err != nil {
			return
		}
	}
}

// rawMessage is bytes that stand for a message.
type rawMessage []byte

// SizeVT implements stream.Message.
func (m rawMessage) SizeVT() int { return len(m) }

// MarshalToSizedBufferVT implements stream.Message.
func (m rawMessage) MarshalToSizedBufferVT(b []byte) (int, error) {
	return copy(b[len(b)-len(m):], m), nil
}
