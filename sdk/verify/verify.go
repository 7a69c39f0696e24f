// Package verify follows a chain's log from its genesis on, and believes nothing
// of it that it has not checked:
//
//   - every record's checksum, and that batches come in order of their seqs;
//   - every event's leaf hash, from which it computes the root of the chain's
//     Merkle tree, to be compared with a head that somebody vouches for;
//   - in distributed trust, every batch's seal: that its signer made it for
//     exactly these events, that it is no replay, that the history which the
//     signer had seen is this one; and that the signer had the authority to
//     write every event, by the authority in force before it.
//
// In centralized trust there are no seals, so who wrote an event is the server's
// word; the hashes and the root are checked all the same.
//
// Where compaction has dropped events, their leaf hashes stand for them.
package verify

import (
	"context"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// Leaves returns the leaf hashes of count events from a seq on, for those that
// are not there any more. That they are right shows when the root is compared.
type Leaves func(ctx context.Context, from event.Seq, count int) ([]event.Hash, error)

// Counts is what a Log has checked.
type Counts struct {
	Events  uint64 // that are there
	Dropped uint64 // for which only a leaf hash is there
	Batches uint64
	Seals   uint64
}

// Log is a chain's log as far as it was verified. Its methods must not be called
// at the same time.
type Log struct {
	chain   event.ChainID
	genesis event.Genesis
	leaves  Leaves

	next    event.Seq
	tree    *authority.Tree
	merkle  *merkle.Tree
	writers *evidence.Writers
	keyring *evidence.Keyring
	counts  Counts

	part part // the last one that was admitted
}

// part is where a batch stood in the commit that was sealed.
type part struct {
	signer event.Hash
	writer evidence.Writer
	number uint64
	first  event.Seq // of the commit
	end    int       // offset after the batch's last event
}

// New returns the log of the chain that a genesis record begins.
func New(genesis []byte, leaves Leaves) (*Log, error) {
	batch, _, err := event.CutRecord(genesis)
	if err != nil {
		return nil, err
	}
	frame, _, err := event.CutFrame(batch.Frames)
	if err != nil {
		return nil, err
	}
	l := &Log{leaves: leaves, next: 1, merkle: merkle.New(&merkle.MemoryBundles{}), writers: evidence.NewWriters(), keyring: &evidence.Keyring{}}
	if l.genesis, l.chain, err = event.ParseGenesis(frame); err != nil {
		return nil, err
	}
	l.tree = authority.New(l.genesis)
	l.merkle.Append(frame.Leaf(l.chain))
	l.counts = Counts{Events: 1, Batches: 1}
	return l, nil
}

// Chain returns the chain's id.
func (l *Log) Chain() event.ChainID { return l.chain }

// Genesis returns what the chain's first event says.
func (l *Log) Genesis() event.Genesis { return l.genesis }

// Next returns the seq after the last event that is verified.
func (l *Log) Next() event.Seq { return l.next }

// Counts returns what was checked so far.
func (l *Log) Counts() Counts { return l.counts }

// Head returns the head that the verified events have.
func (l *Log) Head() merkle.Head { return l.merkle.Head() }

// Newest returns the seq of an object's newest event, if the object has a value.
func (l *Log) Newest(key []byte) (event.Seq, bool) { return l.tree.Newest(key) }

// Authority returns who may write and read an object, or one that would be made
// under a parent.
func (l *Log) Authority(key, parent []byte) (authority.Resolved, error) {
	return l.tree.Authority(key, parent)
}

// Leaf returns the leaf hash of an event before Next.
func (l *Log) Leaf(ctx context.Context, seq event.Seq) (event.Hash, error) {
	leaves, err := l.merkle.Leaves(ctx, uint64(seq), 1)
	if err != nil {
		return event.Hash{}, err
	}
	return leaves[0], nil
}

// CheckHead returns a forked fault unless the log had this head once. Its size
// must be at most Next.
func (l *Log) CheckHead(ctx context.Context, head merkle.Head) error {
	root, err := l.merkle.RootAt(ctx, head.Size)
	if err != nil {
		return err
	}
	if root != head.Root {
		return fault.New(fault.Forked, "the chain's events have the root %s at size %d, and the head said of it is %s", root, head.Size, head)
	}
	return nil
}

// Add verifies the batch that comes next, whose data may be left out. After an
// error, which names the event, the log is of no more use.
func (l *Log) Add(ctx context.Context, b *event.Batch) error {
	if b.First < l.next {
		return fault.New(fault.Damaged, "event %d comes after event %d", b.First, l.next-1)
	}
	if err := l.bridge(ctx, b.First); err != nil {
		return err
	}
	events, err := l.parse(b)
	if err != nil {
		return err
	}
	var signer []event.Hash
	if l.genesis.Trust == event.Distributed {
		id, err := l.checkSeal(ctx, b, events)
		if err != nil {
			return fault.New(fault.CodeOf(err), "the batch of event %d: %w", b.First, err)
		}
		signer = []event.Hash{id}
	}
	if err := l.apply(b, events, signer); err != nil {
		return err
	}
	for i := range events {
		l.merkle.Append(events[i].leaf)
	}
	if err := l.merkle.Flush(ctx); err != nil {
		return err
	}
	l.next = b.Next()
	l.counts.Events += uint64(b.Count)
	l.counts.Batches++
	return nil
}

// bridge takes the leaf hashes of events that are missing before a seq.
func (l *Log) bridge(ctx context.Context, to event.Seq) error {
	for l.next < to {
		n := int(min(to-l.next, merkle.BundleSize))
		leaves, err := l.leaves(ctx, l.next, n)
		if err != nil {
			return fault.New(fault.CodeOf(err), "asking for the leaf hashes of events %d to %d, which are gone: %w", l.next, l.next+event.Seq(n)-1, err)
		}
		l.merkle.Append(leaves...)
		l.next += event.Seq(n)
		l.counts.Dropped += uint64(n)
	}
	return nil
}

// checked is an event of a batch.
type checked struct {
	header  eventpb.Header
	hasData bool
	leaf    event.Hash
}

func (l *Log) parse(b *event.Batch) ([]checked, error) {
	events := make([]checked, b.Count)
	i := 0
	for f, err := range b.Events() {
		e := &events[min(i, b.Count-1)]
		if err == nil {
			err = event.UnmarshalHeader(f.Header, &e.header)
		}
		if err != nil {
			return nil, fault.New(fault.CodeOf(err), "event %d: %w", b.First+event.Seq(i), err)
		}
		e.hasData, e.leaf = f.DataLen > 0, f.Leaf(l.chain)
		i++
	}
	return events, nil
}

// apply makes the events part of the authority tree, if their signer may write
// them. Without seals, that is the server's word.
func (l *Log) apply(b *event.Batch, events []checked, signer []event.Hash) error {
	for i := range events {
		seq, e := b.First+event.Seq(i), &events[i]
		var err error
		if signer == nil {
			err = l.tree.Apply(seq, &e.header)
		} else if err = l.tree.Judge(seq, &e.header, e.hasData, signer); err == nil {
			l.tree.Settle()
		}
		if err != nil {
			return fault.New(fault.CodeOf(err), "event %d: %w", seq, err)
		}
	}
	return nil
}
