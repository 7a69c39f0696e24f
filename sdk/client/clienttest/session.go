package clienttest

import (
	"net"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// session is one client's connection.
type session struct {
	server  *Server
	conn    *wire.Conn // once greeted
	raw     net.Conn
	chain   *chain
	number  int // of the connection, among those that opened a chain; from 1
	binding [32]byte
	proven  []event.Hash  // ids of the keys that the client has proven
	sub     *subscription // the present one
	gone    chan struct{} // closed at the end
	work    sync.WaitGroup
	// waits is the keys whose lock was asked for; closing one's channel ends
	// the wait. It belongs to the receiving goroutine.
	waits map[string]chan struct{}
}

func (s *Server) serve(nc net.Conn) {
	session := &session{server: s, raw: nc, gone: make(chan struct{}), waits: make(map[string]chan struct{})}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		nc.Close()
		return
	}
	s.sessions[session] = struct{}{}
	s.mu.Unlock()

	err := session.run()
	if to, ok := err.(Redirect); ok {
		session.conn.Queue(wire.Redirect, &wirepb.Redirect{Url: to.URL})
		err = fault.New(fault.Unavailable, "the chain is served elsewhere")
	}
	if f := fault.From(err); f != nil && f.Code != fault.Internal {
		session.conn.Send(wire.Bye, &wirepb.Bye{Code: string(f.Code), Reason: f.Reason})
	}
	nc.Close()
	close(session.gone)
	if session.sub != nil {
		session.sub.stop()
	}
	for key := range session.waits {
		session.unlock(key)
	}
	session.work.Wait()
	s.mu.Lock()
	delete(s.sessions, session)
	s.mu.Unlock()
}

// run serves the connection until it ends. A fault is for the client to hear.
func (s *session) run() error {
	if err := s.greet(); err != nil {
		return err
	}
	s.conn.SetReadDeadline(time.Time{})
	s.conn.SetLimit(wire.MaxMessage)
	s.server.mu.Lock()
	received := s.server.faults.Received
	s.server.mu.Unlock()
	for {
		if !s.conn.Buffered() {
			if err := s.conn.Flush(); err != nil {
				return err
			}
		}
		t, payload, err := s.conn.Receive()
		if err == nil {
			if received != nil {
				received(t, payload)
			}
			err = s.handle(t, payload)
		}
		if err != nil {
			return err
		}
	}
}

func (s *session) greet() error {
	o := &s.server.options
	var greeting wire.Greeting
	var err error
	if s.conn, greeting, err = wire.Accept(s.raw, wire.AcceptOptions{Agent: "clienttest", Encryption: o.Encryption, Identity: o.Identity}); err != nil {
		return err
	}
	s.binding = greeting.Binding
	s.conn.SetLimit(wire.MaxOpen)
	t, payload, err := s.conn.Receive()
	if err != nil {
		return err
	}
	if t != wire.Open {
		return fault.New(fault.BadMessage, "the second message has type %d", t)
	}
	var m wirepb.Open
	if err := stream.Unmarshal(t, payload, &m); err != nil {
		return err
	}
	if s.chain, s.number, err = s.server.open(&m); err != nil {
		return err
	}
	c := s.chain
	c.mu.Lock()
	consistency, err := c.continues(m.KnownSize)
	next, head := c.next, c.head()
	c.mu.Unlock()
	if err != nil {
		return err
	}
	s.queue(wire.Opened, &wirepb.Opened{
		ChainId: c.id[:], Genesis: c.first, Next: uint64(next), Head: head.Proto(), Consistency: consistency,
		MaxCommits: uint32(s.server.options.MaxCommits), MaxCommitBytes: uint64(s.server.options.MaxCommitBytes),
	})
	return nil
}

func (s *session) handle(t wire.Type, payload []byte) error {
	switch t {
	case wire.Commit:
		var m wirepb.Commit
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		return s.commit(&m)
	case wire.Subscribe:
		var m wirepb.Subscribe
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		s.subscribe(&m)
	case wire.Credit:
		var m wirepb.Credit
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		if s.sub != nil {
			s.sub.grant(int(m.Bytes))
		}
	case wire.Load:
		var m wirepb.Load
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		s.load(&m)
	case wire.Lock:
		m := new(wirepb.Lock)
		if err := stream.Unmarshal(t, payload, m); err != nil {
			return err
		}
		stop := make(chan struct{})
		s.unlock(string(m.Key))
		s.waits[string(m.Key)] = stop
		s.work.Go(func() { s.lock(m, stop) })
	case wire.Unlock:
		var m wirepb.Unlock
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		s.unlock(string(m.Key))
	case wire.Ping:
		var m wirepb.Ping
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		s.chain.mu.Lock()
		head := s.chain.head()
		s.chain.mu.Unlock()
		s.queue(wire.Pong, &wirepb.Pong{Id: m.Id, Head: head.Proto()})
	default:
		return s.prove(t, payload)
	}
	return nil
}

// queue queues a message, or what the server makes of it.
func (s *session) queue(t wire.Type, m stream.Message) {
	s.server.mu.Lock()
	change := s.server.faults.Send
	s.server.mu.Unlock()
	if change != nil {
		change(s.number, m)
	}
	s.conn.Queue(t, m)
}

// send is queue, and flushes.
func (s *session) send(t wire.Type, m stream.Message) error {
	s.queue(t, m)
	return s.conn.Flush()
}

func (s *session) commit(m *wirepb.Commit) error {
	action := s.server.act()
	if action.Until != nil {
		if err := s.conn.Flush(); err != nil {
			return err
		}
		select {
		case <-action.Until:
		case <-s.gone:
		}
	}
	switch {
	case action.DropBefore:
		return net.ErrClosed
	case action.Bye != nil:
		return action.Bye
	case action.Refuse != nil:
		s.reject(action.Refuse)
		return nil
	}
	if len(m.Id) != 16 {
		return fault.New(fault.BadMessage, "a commit's id has %d bytes", len(m.Id))
	}
	stored, err := s.chain.append(s, m)
	switch {
	case err != nil:
		s.reject(fault.From(err))
	case action.DropAfter:
		return net.ErrClosed
	case action.Garbage:
		s.raw.Write([]byte("\xff\xff\xff\xff garbage"))
		return net.ErrClosed
	default:
		s.queue(wire.Committed, &wirepb.Committed{First: uint64(stored.first), Next: uint64(stored.next), Head: stored.head.Proto()})
	}
	return nil
}

func (s *session) reject(f *fault.Error) {
	s.queue(wire.Rejected, &wirepb.Rejected{Code: string(f.Code), Reason: f.Reason})
}

func (s *session) load(m *wirepb.Load) {
	loaded := wirepb.Loaded{Id: m.Id}
	if len(m.Seqs)+len(m.Keys) > wire.MaxLoad {
		loaded.Code, loaded.Reason = string(fault.TooLarge), "too many events asked for"
	} else if loaded.Records = s.chain.load(m); len(loaded.Records) > wire.MaxLoaded && len(m.Seqs)+len(m.Keys) > 1 {
		loaded.Records, loaded.Code, loaded.Reason = nil, string(fault.TooLarge), "the events are too large together"
	}
	s.queue(wire.Loaded, &loaded)
}

func (s *session) lock(m *wirepb.Lock, stop <-chan struct{}) {
	result := wirepb.LockResult{Id: m.Id, Granted: true}
	if !s.chain.lock(s, string(m.Key), time.Duration(m.WaitMs)*time.Millisecond, stop) {
		result = wirepb.LockResult{Id: m.Id, Code: string(fault.Locked), Reason: "another connection holds the lock"}
	}
	s.conn.Send(wire.LockResult, &result)
}

// unlock gives a lock back, or stops waiting for it.
func (s *session) unlock(key string) {
	if stop, ok := s.waits[key]; ok {
		close(stop)
		delete(s.waits, key)
		s.chain.unlock(s, key)
	}
}
