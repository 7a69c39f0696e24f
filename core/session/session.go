// Package session is one client's connection after the greeting: it turns the
// client's messages into calls of its chain, and their outcomes into answers.
//
// A session runs on one goroutine that reads messages. Commits are answered by
// whoever leads the chain's round; a subscription and, when somebody else has
// answered, the writing have a goroutine each. All end with the session.
package session

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/fanout"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// Limits of what one client may have under way.
const (
	MaxCommits     = 4096     // unanswered commits
	MaxCommitBytes = 32 << 20 // of frames in them
	MaxLocks       = 10_000   // held or waited for
	maxLockWait    = 10 * time.Minute
	commitStock    = 16 // commits allocated together
)

// Chain is the chain that a session serves.
type Chain interface {
	ID() event.ChainID
	Genesis() (event.Genesis, []byte)
	Next() event.Seq
	MayWrite(proven []event.Hash) error
	Commit(...*chain.Commit)
	Newest(keys [][]byte) []event.Seq
	AppendEvents(ctx context.Context, dst []byte, seqs []event.Seq, maxBytes int) ([]byte, error)
	Lock(*chain.LockRequest) error
	Unlock(s chain.SessionID, key string) (waited bool)
}

// Session is one client's connection to one chain.
type Session struct {
	id    chain.SessionID
	conn  *wire.Conn
	chain Chain
	feed  *fanout.Feed

	goroutines sync.WaitGroup // the session's, beside the one that runs it
	wake       chan struct{}  // holds a token when the writer has something to flush

	// committing says that the session's own goroutine is inside
	// Chain.Commit, and will flush when it returns.
	committing atomic.Bool

	end  context.CancelCauseFunc // ends the session
	done chan struct{}           // closed when nothing more is received

	mu          sync.Mutex       // guards what follows
	room        sync.Cond        // signalled when commits are answered or the session ends
	commits     int              // unanswered
	commitBytes int              // of frames in them
	ended       error            // why no further commit is taken or answered
	committed   wirepb.Committed // used for every answer

	answerFunc   func(*chain.Commit, chain.Result)
	message      wirepb.Commit                 // the reader's own: used for every commit
	stock        []chain.Commit                // the reader's own: commits not used yet
	batch        []*chain.Commit               // the reader's own: received together and not yet given to the chain
	subscription *subscription                 // the reader's own
	locks        map[string]context.CancelFunc // the reader's own: asked for, with what ends the waiting
}

// New returns a session that serves a chain, which must stay open until Run
// returns. id is unlike any other session's.
func New(id chain.SessionID, conn *wire.Conn, c Chain, feed *fanout.Feed) *Session {
	s := &Session{
		id: id, conn: conn, chain: c, feed: feed,
		wake: make(chan struct{}, 1), done: make(chan struct{}), locks: make(map[string]context.CancelFunc),
	}
	s.room.L = &s.mu
	s.answerFunc = s.answer
	return s
}

// Run serves the client until it goes away, breaks the protocol, or ctx ends.
// Then it waits until every commit under way is answered, says Bye with what
// ended the session if that was not the client, and closes the connection. It
// returns what ended the session, or nil if the client did.
func (s *Session) Run(ctx context.Context) error {
	ctx, s.end = context.WithCancelCause(ctx)
	s.goroutines.Go(func() { s.write(ctx) })
	s.goroutines.Go(func() {
		<-ctx.Done()
		s.goodbye(context.Cause(ctx))
	})
	s.greet()
	s.end(s.receive(ctx))
	close(s.done)
	s.endSubscription()
	s.releaseLocks()
	s.goroutines.Wait()
	if cause := context.Cause(ctx); !stream.IsClosed(cause) {
		return cause
	}
	return nil
}

// goodbye takes no more commits, waits for the answers to those under way, and
// ends the connection.
func (s *Session) goodbye(cause error) {
	s.mu.Lock()
	for s.commits > 0 {
		s.room.Wait()
	}
	if s.ended == nil {
		s.ended = cause
	}
	s.room.Broadcast()
	s.mu.Unlock()
	farewell(s.conn, cause, s.done)
}

func (s *Session) greet() {
	id := s.chain.ID()
	_, genesis := s.chain.Genesis()
	opened := &wirepb.Opened{
		ChainId: id[:], Genesis: genesis, Next: uint64(s.chain.Next()),
		MaxCommits: MaxCommits, MaxCommitBytes: MaxCommitBytes,
	}
	if err := s.chain.MayWrite(nil); err != nil {
		opened.ReadOnly = fault.From(err).Reason
	}
	s.conn.Queue(wire.Opened, opened)
}

// receive serves messages until one cannot be.
func (s *Session) receive(ctx context.Context) error {
	for {
		if !s.conn.Buffered() {
			s.commitBatch()
			if err := s.conn.Flush(); err != nil {
				return err
			}
		}
		t, payload, err := s.conn.Receive()
		if err != nil {
			s.commitBatch()
			return err
		}
		if ctx.Err() != nil {
			continue
		}
		if t != wire.Commit {
			s.commitBatch()
		}
		if err := s.serve(ctx, t, payload); err != nil {
			s.commitBatch()
			s.end(err)
		}
	}
}

func (s *Session) serve(ctx context.Context, t wire.Type, payload []byte) error {
	switch t {
	case wire.Commit:
		return s.commit(payload)
	case wire.Load:
		return decoded(t, payload, new(wirepb.Load), func(m *wirepb.Load) error { return s.load(ctx, m) })
	case wire.Subscribe:
		return decoded(t, payload, new(wirepb.Subscribe), func(m *wirepb.Subscribe) error { return s.subscribe(ctx, m) })
	case wire.Credit:
		return decoded(t, payload, new(wirepb.Credit), s.credit)
	case wire.Lock:
		return decoded(t, payload, new(wirepb.Lock), func(m *wirepb.Lock) error { return s.lock(ctx, m) })
	case wire.Unlock:
		return decoded(t, payload, new(wirepb.Unlock), s.unlock)
	case wire.Ping:
		return decoded(t, payload, new(wirepb.Ping), func(m *wirepb.Ping) error {
			s.conn.Queue(wire.Pong, &wirepb.Pong{Id: m.Id})
			return nil
		})
	}
	return fault.New(fault.BadMessage, "a message of type %d is unknown, or may not come after Open", t)
}

func decoded[M interface{ UnmarshalVTUnsafe([]byte) error }](t wire.Type, payload []byte, m M, serve func(M) error) error {
	if err := stream.Unmarshal(t, payload, m); err != nil {
		return err
	}
	return serve(m)
}

// write flushes what others than the session's own goroutine have queued.
func (s *Session) write(ctx context.Context) {
	for {
		select {
		case <-s.wake:
			if err := s.conn.Flush(); err != nil {
				s.end(err)
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func (s *Session) wakeWriter() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
