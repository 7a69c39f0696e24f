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
	"github.com/atedb/atedb/core/farewell"
	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/trust"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// Limits of what one client may have under way.
const (
	MaxCommits     = 4096     // unanswered commits
	MaxCommitBytes = 32 << 20 // in them
	MaxLocks       = 10_000   // held or waited for
	MaxProven      = 64       // keys proven
	MaxErasures    = 16       // asked for
	MaxRefused     = 16       // proofs refused; one more ends the connection, since each costs more to check than to send
	maxLockWait    = 10 * time.Minute
	commitStock    = 16 // commits allocated together
)

// Chain is the chain that a session serves.
type Chain interface {
	ID() event.ChainID
	Genesis() (event.Genesis, []byte)
	Head() merkle.Head
	MayWriteTop(proven []event.Hash) error
	Authority(key, parent []byte) (authority.Resolved, error)
	Leaves(ctx context.Context, from event.Seq, count int) ([]event.Hash, error)
	ProveInclusion(ctx context.Context, seq event.Seq, size uint64) ([]event.Hash, error)
	ProveConsistency(ctx context.Context, from, to uint64) ([]event.Hash, error)
	Commit(...*chain.Commit)
	Newest(keys [][]byte) []event.Seq
	Compactions() chain.Compactions
	AppendEvents(ctx context.Context, dst []byte, seqs []event.Seq, maxBytes int) ([]byte, error)
	Lock(*chain.LockRequest) error
	Unlock(s chain.SessionID, key string) (waited bool)
	Erase(ctx context.Context, key []byte) (events uint64, err error)
}

// Verifier checks proofs of owning keys.
type Verifier interface {
	// VerifyProof is as trust.Validator says.
	VerifyProof(ctx context.Context, p trust.Proof) error
}

// Options is what a session serves its client with.
type Options struct {
	ID    chain.SessionID // unlike any other session's
	Conn  *wire.Conn
	Chain Chain // stays open until Run returns
	Feed  *fanout.Feed
	// Verifier, Binding and Tokens are what proofs are checked by: a proof is
	// good for one binding alone.
	Verifier Verifier
	Binding  [32]byte
	Tokens   Tokens
	// KnownSize is the size of the newest head that the client remembers.
	KnownSize uint64
	// Checkpoint returns the chain's head, signed.
	Checkpoint func() (string, error)
}

// Session is one client's connection to one chain.
type Session struct {
	id      chain.SessionID
	conn    *wire.Conn
	chain   Chain
	feed    *fanout.Feed
	options Options

	goroutines sync.WaitGroup // the session's, beside the one that runs it
	wake       chan struct{}  // holds a token when the writer has something to flush

	erasures atomic.Int32 // unanswered

	// committing says that the session's own goroutine is inside
	// Chain.Commit, and will flush when it returns.
	committing atomic.Bool

	end  context.CancelCauseFunc // ends the session
	done chan struct{}           // closed when nothing more is received

	mu          sync.Mutex       // guards what follows
	room        sync.Cond        // signalled when commits are answered or the session ends
	commits     int              // unanswered
	commitBytes int              // in them
	ended       error            // why no further commit is taken or answered
	committed   wirepb.Committed // used for every answer, as are the next two
	head        wirepb.Head
	root        event.Hash

	answerFunc   func(*chain.Commit, chain.Result)
	message      wirepb.Commit                 // the reader's own: used for every commit
	stock        []chain.Commit                // the reader's own: commits not used yet
	batch        []*chain.Commit               // the reader's own: received together and not yet given to the chain
	subscription *subscription                 // the reader's own
	locks        map[string]context.CancelFunc // the reader's own: asked for, with what ends the waiting
	refused      int                           // the reader's own: proofs refused
	proven       []event.Hash                  // the reader's own: ids of the keys that the client has proven; never written again once it is in a commit
	tokens       []heldToken                   // the reader's own: those that the client has shown
}

// New returns a session.
func New(o Options) *Session {
	s := &Session{
		id: o.ID, conn: o.Conn, chain: o.Chain, feed: o.Feed, options: o,
		wake: make(chan struct{}, 1), done: make(chan struct{}), locks: make(map[string]context.CancelFunc),
	}
	s.room.L = &s.mu
	s.head.Root = s.root[:]
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
	err := s.greet(ctx)
	if err == nil {
		err = s.receive(ctx)
	}
	s.end(err)
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
	farewell.Say(s.conn, cause, s.done)
}

func (s *Session) greet(ctx context.Context) error {
	id, head := s.chain.ID(), s.chain.Head()
	genesis, record := s.chain.Genesis()
	opened := &wirepb.Opened{
		ChainId: id[:], Genesis: record, Next: head.Size, Head: head.Proto(),
		MaxCommits: MaxCommits, MaxCommitBytes: MaxCommitBytes,
	}
	if err := s.chain.MayWriteTop(nil); err != nil && genesis.Trust == event.Centralized {
		opened.ReadOnly = fault.From(err).Reason
	}
	if known := s.options.KnownSize; known > 0 && known < head.Size {
		proof, err := s.chain.ProveConsistency(ctx, known, head.Size)
		if err != nil {
			return err
		}
		opened.Consistency = slicesOf(proof)
	}
	s.conn.Queue(wire.Opened, opened)
	return nil
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
		if err := s.checkTokens(ctx); err != nil {
			return err
		}
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
	case wire.Erase:
		return decoded(t, payload, new(wirepb.Erase), func(m *wirepb.Erase) error { return s.erase(ctx, m) })
	case wire.Ping:
		return decoded(t, payload, new(wirepb.Ping), func(m *wirepb.Ping) error {
			s.conn.Queue(wire.Pong, &wirepb.Pong{Id: m.Id, Head: s.chain.Head().Proto()})
			return nil
		})
	}
	return s.serveProofs(ctx, t, payload)
}

// serveProofs serves the messages about who may do what, and who has done what.
func (s *Session) serveProofs(ctx context.Context, t wire.Type, payload []byte) error {
	switch t {
	case wire.Prove:
		return decoded(t, payload, new(wirepb.Prove), func(m *wirepb.Prove) error { return s.prove(ctx, m) })
	case wire.GetAuthority:
		return decoded(t, payload, new(wirepb.GetAuthority), s.authorityOf)
	case wire.Leaves:
		return decoded(t, payload, new(wirepb.Leaves), func(m *wirepb.Leaves) error { return s.leaves(ctx, m) })
	case wire.GetProof:
		return decoded(t, payload, new(wirepb.GetProof), func(m *wirepb.GetProof) error { return s.proof(ctx, m) })
	case wire.GetCheckpoint:
		return decoded(t, payload, new(wirepb.GetCheckpoint), s.checkpoint)
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

// refusal returns what an answer says of an error.
func refusal(err error) (code, reason string) {
	f := fault.From(err)
	return string(f.Code), f.Reason
}
