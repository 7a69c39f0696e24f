// Package chain is one chain: it takes commits, orders them, makes them
// durable, and knows each object's newest event.
//
// [Chain.commitRound] is the way of an event through the daemon: it is judged,
// stored, published and acknowledged there, in four consecutive steps.
//
// # Group commit
//
// There is no goroutine that owns a chain. Whoever brings a commit when nobody
// is committing becomes the leader and commits, on its own goroutine, for all
// that have queued up: itself alone if nobody else is there, which costs no
// switch between goroutines. What queues up during a round is the next round,
// so a slow disk makes rounds larger rather than clients slower.
package chain

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/storage"
)

// Log is where a chain's records are kept.
type Log interface {
	// Append makes records durable, in order, once: it may be given records
	// again that an earlier call has stored without saying so. An error means
	// that none of them will be acknowledged.
	Append(records []byte) error
	// Read appends records to dst as storage.Chain's Read does.
	Read(ctx context.Context, dst []byte, from event.Seq, maxBytes int, headersOnly bool) ([]byte, error)
	// PutBlob and GetBlob keep side blobs as storage.Chain's do.
	PutBlob(ctx context.Context, name string, data []byte) error
	GetBlob(ctx context.Context, name string) ([]byte, error)
	// Drop removes events as storage.Chain's does.
	Drop(ctx context.Context, set storage.DropSet) (storage.Dropped, error)
	// Erase removes the data of events as storage.Chain's does.
	Erase(ctx context.Context, set storage.DropSet) (storage.Erased, error)
	// State describes what the log holds, as storage.Chain's does.
	State() storage.State
}

// Publisher is told what became durable, in order, by one goroutine at a time.
type Publisher interface {
	// Publish tells of records whose last event is before next. The slice is
	// not the publisher's to keep.
	Publish(records []byte, next event.Seq)
}

// Chain is one open chain. Its methods may be called by several goroutines.
type Chain struct {
	name    chainname.Name
	id      event.ChainID
	genesis event.Genesis
	record  []byte // of the genesis event

	log       Log
	bundles   bundles
	validator Validator // nil in centralized trust
	publish   Publisher
	onFail    func(error)
	onProblem func(error)
	now       func() time.Time

	merkle *merkle.Tree  // locks for itself
	next   atomic.Uint64 // the seq after the last durable event

	upkeep upkeep

	compacting  sync.Mutex // held by the one compaction that runs
	compactions atomic.Pointer[Compactions]
	erasing     chan struct{} // has room for the one erasure that runs
	pace        func() func(ctx context.Context, bytes int) error

	queueMu sync.Mutex // guards what follows
	queue   []*Commit  // waiting for the next round
	leading bool       // somebody is committing, and goes on while there is a queue

	// The leader's own.
	recent   recent
	heads    merkle.Recent     // in distributed trust
	writers  *evidence.Writers // of seals
	lastTime int64             // of the newest round, Unix microseconds; it never goes back
	stored   int64             // the time of the newest stored commit
	plain    eventpb.Header    // used for every event that says little
	buf      []byte            // the round's records
	outcomes []outcome         // of the round
	failed   error             // why nothing can be stored until the chain is opened again

	stateMu sync.RWMutex // guards what follows; held by the leader while it judges and settles a round
	tree    *authority.Tree
	locks   locks
}

// version is which event is an object's newest, if it has a value.
type version struct {
	seq    event.Seq
	exists bool
}

func (v version) String() string {
	if !v.exists {
		return "absent"
	}
	return fmt.Sprintf("at version %d", v.seq)
}

// Create writes the first record of a new chain.
func Create(log Log, genesis event.Genesis, now time.Time) error {
	frame, _, err := genesis.Frame()
	if err != nil {
		return err
	}
	batch := event.Batch{Time: now.UnixMicro(), Count: 1, Frames: frame}
	rand.Read(batch.Commit[:])
	return log.Append(batch.AppendRecord(nil))
}

// Name returns the chain's name.
func (c *Chain) Name() chainname.Name { return c.name }

// ID returns the chain's id.
func (c *Chain) ID() event.ChainID { return c.id }

// Genesis returns what the chain's first event says, and its record.
func (c *Chain) Genesis() (event.Genesis, []byte) { return c.genesis, c.record }

// Next returns the seq that the next event will get.
func (c *Chain) Next() event.Seq { return event.Seq(c.next.Load()) }

// Objects returns how many objects have a value.
func (c *Chain) Objects() int {
	c.stateMu.RLock()
	defer c.stateMu.RUnlock()
	return c.tree.Len()
}

// MayWriteTop returns why the owner of the given keys may not make objects at
// the chain's top, or nil.
func (c *Chain) MayWriteTop(proven []event.Hash) error {
	c.stateMu.RLock()
	defer c.stateMu.RUnlock()
	return c.tree.MayWriteTop(proven)
}

// Options is what a chain works with.
type Options struct {
	Log       Log
	Trust     event.Trust // the mode that the chain must have
	Validator Validator   // of seals; needed in distributed trust alone
	Publisher Publisher
	// OnFail is called, by a leader, when the chain can no longer tell what
	// its log holds. All later commits fail; the chain must be opened again.
	OnFail func(error)
	// OnProblem is called, on any goroutine, with what an operator should
	// know and nobody else is told.
	OnProblem func(error)
	// Pace, unless nil, begins an erasure and returns what it is told and waits for,
	// as a compaction does: see Compaction.Pace.
	Pace func() func(ctx context.Context, bytes int) error
	// Now is the clock; nil is the machine's.
	Now func() time.Time
}

// Open returns the chain that the log holds, after reading its newest snapshot
// and the headers of the events since. An empty log is a not_found fault. The
// chain must be closed.
func Open(ctx context.Context, name chainname.Name, o Options) (*Chain, error) {
	c := &Chain{
		name: name, log: o.Log, bundles: bundles{o.Log}, validator: o.Validator, publish: o.Publisher,
		onFail: o.OnFail, onProblem: o.OnProblem, now: o.Now, erasing: make(chan struct{}, 1), pace: o.Pace,
	}
	if c.pace == nil {
		c.pace = func() func(context.Context, int) error { return nil }
	}
	if c.now == nil {
		c.now = time.Now
	}
	if err := c.readGenesis(ctx); err != nil {
		return nil, err
	}
	if c.genesis.Trust != o.Trust {
		return nil, fault.New(fault.Unsupported, "chain %s was made under %s trust, which cannot be changed, and this server runs %s trust; start it with --trust %[2]s, or use another chain", name, c.genesis.Trust, o.Trust)
	}
	c.upkeep.every, c.upkeep.part = snapshotEvents, snapshotPart
	c.upkeep.ctx, c.upkeep.giveUp = context.WithCancel(context.Background())
	c.tree, c.merkle, c.writers = authority.New(c.genesis), merkle.New(c.bundles), evidence.NewWriters()
	if err := c.restoreCompactions(ctx); err != nil {
		return nil, err
	}
	if err := c.restore(ctx); err != nil {
		c.onProblem(fmt.Errorf("the snapshot of chain %s is of no use, so its whole log is read: %w", name, err))
	}
	if err := c.replay(ctx, c.log.State().Next); err != nil {
		return nil, err
	}
	c.heads.Add(c.merkle.Head())
	return c, nil
}

func (c *Chain) readGenesis(ctx context.Context) error {
	records, err := c.log.Read(ctx, nil, 0, 1, false)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return fault.New(fault.NotFound, "chain %s has no events", c.name)
	}
	batch, _, err := event.CutRecord(records)
	if err != nil {
		return err
	}
	if batch.First != 0 {
		return fault.New(fault.Damaged, "chain %s begins with event %d; its genesis is missing", c.name, batch.First)
	}
	f, _, err := event.CutFrame(batch.Frames)
	if err != nil {
		return err
	}
	if c.genesis, c.id, err = event.ParseGenesis(f); err != nil {
		return err
	}
	if c.genesis.Name != c.name {
		return fault.New(fault.Damaged, "what is stored as chain %s is chain %s by its genesis", c.name, c.genesis.Name)
	}
	c.record = records[:batch.RecordSize()]
	return nil
}

// Lock asks for an object's lock for a session. Without an error it is, or may
// yet be, granted.
func (c *Chain) Lock(r *LockRequest) error {
	c.stateMu.Lock()
	defer c.stateMu.Unlock()
	return c.locks.acquire(r)
}

// Unlock gives a session's lock back, or ends its waiting for it. It reports
// whether the session was waiting.
func (c *Chain) Unlock(s SessionID, key string) (waited bool) {
	c.stateMu.Lock()
	defer c.stateMu.Unlock()
	return c.locks.release(s, key)
}

// Newest returns the seq of each object's newest event, for those of the keys
// whose objects have a value.
func (c *Chain) Newest(keys [][]byte) []event.Seq {
	c.stateMu.RLock()
	defer c.stateMu.RUnlock()
	seqs := make([]event.Seq, 0, len(keys))
	for _, key := range keys {
		if seq, ok := c.tree.Newest(key); ok {
			seqs = append(seqs, seq)
		}
	}
	return seqs
}

// Versions returns for each of the keys, at one moment, what a commit that is to
// follow on that must expect of its object.
func (c *Chain) Versions(keys ...[]byte) []Expected {
	c.stateMu.RLock()
	defer c.stateMu.RUnlock()
	versions := make([]Expected, len(keys))
	for i, key := range keys {
		seq, ok := c.tree.Newest(key)
		versions[i] = Expected{Key: key, Exists: ok, Seq: seq}
	}
	return versions
}

// AppendEvents appends to dst a record for each of the events that have these
// seqs, as they are stored. Those that are not there (any more) are left out.
// It stops when dst is longer than maxBytes.
func (c *Chain) AppendEvents(ctx context.Context, dst []byte, seqs []event.Seq, maxBytes int) ([]byte, error) {
	var batch event.Batch // the last one read: neighbours often share it
	for _, seq := range seqs {
		if seq >= c.Next() {
			continue
		}
		if seq < batch.First || seq >= batch.Next() {
			records, err := c.log.Read(ctx, nil, seq, 1, false)
			if err != nil {
				return nil, err
			}
			if len(records) == 0 {
				continue
			}
			if batch, _, err = event.CutRecord(records); err != nil {
				return nil, err
			}
			if seq < batch.First {
				continue
			}
		}
		single, err := only(batch, seq)
		if err != nil {
			return nil, err
		}
		if dst = single.AppendRecord(dst); len(dst) > maxBytes {
			return dst, nil
		}
	}
	return dst, nil
}

// only returns a batch with one of another batch's events.
func only(batch event.Batch, seq event.Seq) (event.Batch, error) {
	at := batch.First
	for f, err := range batch.Events() {
		if err != nil {
			return event.Batch{}, err
		}
		if at == seq {
			batch.Offset += int(seq - batch.First)
			batch.First, batch.Count = seq, 1
			batch.Frames = f.Append(nil)
			return batch, nil
		}
		at++
	}
	return event.Batch{}, fault.New(fault.Damaged, "event %d is missing from its batch", seq)
}
