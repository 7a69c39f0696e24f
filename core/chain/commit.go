package chain

import (
	"sync"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// SessionID tells connections apart, for locks.
type SessionID uint64

// Writer is who commits.
type Writer struct {
	Session SessionID
	Proven  []event.Hash // ids of the keys that the connection has proven; in distributed trust the seal says instead
}

// Commit is a batch of events to be appended together or not at all. It must
// not change from when it is given to [Chain.Commit] until it is answered.
type Commit struct {
	ID       event.CommitID
	Writer   Writer
	Count    int
	Frames   []byte // Count events, framed
	Evidence []byte
	Expected []Expected
	// Resent says that the commit was sent before, when the chain's next seq
	// was at least ResentFrom.
	Resent     bool
	ResentFrom event.Seq

	// Answer is called once, on any goroutine, before or after Commit
	// returns. It must not block.
	Answer func(*Commit, Result)

	own        *eventpb.Header // of the one event, if the server commits: nobody sealed it; nil for a client's commit
	last       bool            // of its round
	writes     []write
	leaves     []event.Hash // of the events
	oneWrite   [1]write     // room for those of a commit of one event
	oneLeaf    [1]event.Hash
	seal       *evidence.Seal // in distributed trust
	shapeErr   error          // what is wrong with the commit whatever the chain's state
	shapeFault int            // which event is at fault, or -1
}

// Expected is the version that an object must have for a commit to be taken.
type Expected struct {
	Key    []byte
	Exists bool
	Seq    event.Seq // of its newest event, if it exists
}

// Result is what became of a commit.
type Result struct {
	First, Next event.Seq   // if Err is nil: its first event's seq, and the one after its last
	Head        merkle.Head // if Err is nil: a head of the chain that holds it
	Err         error
	Event       int // which event is at fault, or -1
}

// recordSize is how large the commit's record will be, in bytes.
func (c *Commit) recordSize() int {
	batch := event.Batch{Evidence: c.Evidence, Frames: c.Frames}
	return batch.RecordSize()
}

// write is what an event does to an object. It aliases the commit.
type write struct {
	key       []byte
	tombstone bool
	hasData   bool
	header    *eventpb.Header // nil if it says nothing more about the object
}

// parse checks the commit's shape, and finds its writes and leaf hashes. It
// returns which event is at fault, or -1. It runs on the goroutine that brings
// the commit, so that hashing takes nothing of the leader's time.
func (c *Commit) parse(chain event.ChainID, trust event.Trust) (int, error) {
	if c.Count < 1 || c.Count > event.MaxBatchEvents {
		return -1, fault.New(fault.BadRequest, "a commit of %d events; it must have 1 to %d", c.Count, event.MaxBatchEvents)
	}
	if err := c.parseEvidence(trust); err != nil {
		return -1, err
	}
	if size := c.recordSize(); size > event.MaxRecord {
		return -1, fault.New(fault.TooLarge, "a commit takes %d bytes; at most %d are allowed, so split it", size, event.MaxRecord)
	}
	batch := event.Batch{Count: c.Count, Frames: c.Frames}
	c.writes, c.leaves = c.oneWrite[:0], c.oneLeaf[:0]
	header := headers.Get().(*eventpb.Header)
	defer func() {
		header.Reset()
		headers.Put(header)
	}()
	for f, err := range batch.Events() {
		if err == nil && f.Omitted {
			err = fault.New(fault.BadRequest, "an event to be committed omits its data")
		}
		if err == nil {
			err = event.UnmarshalHeader(f.Header, header)
		}
		if err != nil {
			return min(len(c.writes), c.Count-1), err
		}
		w := write{key: header.Key, tombstone: header.Tombstone, hasData: len(f.Data) > 0}
		if !isPlain(header) {
			w.header, header = header, headers.Get().(*eventpb.Header)
		}
		c.writes = append(c.writes, w)
		c.leaves = append(c.leaves, f.Leaf(chain))
	}
	return -1, nil
}

// headers are spare ones: that of a plain event is needed no longer than it
// takes to read it.
var headers = sync.Pool{New: func() any { return new(eventpb.Header) }}

// parseEvidence finds the seal that distributed trust asks for. In centralized
// trust a batch has no evidence.
func (c *Commit) parseEvidence(trust event.Trust) error {
	switch {
	case c.own != nil:
		return nil
	case len(c.Evidence) > event.MaxEvidence:
		return fault.New(fault.TooLarge, "a commit's evidence is %d bytes long; at most %d are allowed", len(c.Evidence), event.MaxEvidence)
	case trust == event.Distributed && len(c.Evidence) == 0:
		return fault.New(fault.BadSeal, "a commit has no seal; every commit to this chain needs one, since its mode of trust is distributed")
	case trust == event.Distributed:
		seal, err := evidence.ParseSeal(c.Evidence)
		c.seal = &seal
		return err
	case len(c.Evidence) > 0:
		return fault.New(fault.BadRequest, "a commit has a seal; this chain takes none, since its mode of trust is centralized")
	}
	return nil
}

// isPlain reports whether a header says no more about its object than its key
// and whether it ends, as most do: it need not be kept.
func isPlain(h *eventpb.Header) bool {
	return h.Parent == nil && h.Authority == nil && h.Encryption == nil && len(h.Keys) == 0
}
