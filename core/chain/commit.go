package chain

import (
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

// SessionID tells connections apart, for locks.
type SessionID uint64

// Writer is who commits.
type Writer struct {
	Session SessionID
	Proven  []event.Hash // ids of the keys that the connection has proven
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

	writes     []write
	one        [1]write // room for the writes of a commit of one event
	shapeErr   error    // what is wrong with the commit whatever the chain's state
	shapeFault int      // which event is at fault, or -1
}

// Expected is the version that an object must have for a commit to be taken.
type Expected struct {
	Key    []byte
	Exists bool
	Seq    event.Seq // of its newest event, if it exists
}

// Result is what became of a commit.
type Result struct {
	First, Next event.Seq // if Err is nil: its first event's seq, and the one after its last
	Err         error
	Event       int // which event is at fault, or -1
}

// write is what an event does to an object. The key aliases the commit.
type write struct {
	key       []byte
	tombstone bool
}

// parse checks the commit's shape and finds its writes. It returns which event
// is at fault, or -1.
func (c *Commit) parse() (int, error) {
	if c.Count < 1 || c.Count > event.MaxBatchEvents {
		return -1, fault.New(fault.BadRequest, "a commit of %d events; it must have 1 to %d", c.Count, event.MaxBatchEvents)
	}
	if len(c.Evidence) > event.MaxEvidence {
		return -1, fault.New(fault.TooLarge, "a commit's evidence is %d bytes long; at most %d are allowed", len(c.Evidence), event.MaxEvidence)
	}
	batch := event.Batch{Count: c.Count, Frames: c.Frames, Evidence: c.Evidence}
	if size := batch.RecordSize(); size > event.MaxRecord {
		return -1, fault.New(fault.TooLarge, "a commit takes %d bytes; at most %d are allowed, so split it", size, event.MaxRecord)
	}
	c.writes = c.one[:0]
	var header eventpb.Header
	for f, err := range batch.Events() {
		if err == nil && f.Omitted {
			err = fault.New(fault.BadRequest, "an event to be committed omits its data")
		}
		if err == nil {
			err = event.UnmarshalHeader(f.Header, &header)
		}
		if err == nil && event.IsReserved(header.Key) {
			err = fault.New(fault.BadRequest, "object keys that begin with %q are the server's own", event.ReservedPrefix)
		}
		if err != nil {
			return min(len(c.writes), c.Count-1), err
		}
		c.writes = append(c.writes, write{key: header.Key, tombstone: header.Tombstone})
	}
	return -1, nil
}
