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
// # Compacted logs
//
// Where compaction has dropped events, their leaf hashes stand for them. Whoever
// gives the log gives those too, so they count once the root is compared, and
// they hide what was said. Which values live, the server says before it drops
// anything (see package authority); [Log.CheckLive] compares. An event that turns
// up elsewhere in a dropped one's place is not verified, even if it has the leaf
// hash: see [Log.Dropped].
//
// What is left must be enough to judge it by the rules of package authority, or
// Add fails with what is then missing: no_parent, unknown_key, not_authorized
// and so on. It is if compaction keeps, besides each object's newest event, all
// events that set a parent or an authority, those that first introduce a key, those
// that first gave a value to an object that others name as their parent, or that
// moved later, those before one, in its commit, that first introduces the key which
// sealed it, and tombstones for as long as an earlier event of their object. Numbers of writers
// whose batches were dropped whole are not known: that such a batch was stored
// again later does not show until its writer's next one, or until the server says
// what lives.
package verify

import (
	"context"
	"sort"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// Leaves returns the leaf hashes of exactly count events from a seq on, for those
// that are not there any more. That they are right shows when the root is
// compared. At most event.MaxBatchEvents are asked for at a time.
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
	gaps    []gap         // of dropped events, in order
	roots   merkle.Recent // that the log had after its newest batches
	hashes  []event.Hash  // room for their leaf hashes
	parsed  []checked     // room for the events of a batch

	begun authority.Live // what lived when the server last said "as of now"
	said  said           // what the server said of that

	part part         // the last one that was admitted
	owed []event.Hash // leaf hashes of the rest of its commit, which must come next
}

// gap is the seqs of dropped events, from first to before end.
type gap struct{ first, end event.Seq }

// part is where a batch stood in the commit that was sealed.
type part struct {
	signer event.Hash
	writer evidence.Writer
	number uint64
	leaves event.Hash // root of the commit's
	first  event.Seq  // of the commit
	end    int        // offset after the batch's last event
}

// New returns the log of the chain that a genesis record begins.
func New(genesis []byte, leaves Leaves) (*Log, error) {
	batch, rest, err := event.CutRecord(genesis)
	if err != nil {
		return nil, err
	}
	frame, after, err := event.CutFrame(batch.Frames)
	if err != nil {
		return nil, err
	}
	if batch.First != 0 || batch.Count != 1 || len(rest)+len(after) > 0 {
		return nil, fault.New(fault.Damaged, "the record of the genesis is not that of event 0 alone: it has %d events from %d on, and %d bytes follow", batch.Count, batch.First, len(rest)+len(after))
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

// Dropped reports whether compaction had dropped the event at a seq before Next,
// so that nothing of it is verified but that its leaf hash is the one given.
func (l *Log) Dropped(seq event.Seq) bool {
	i := sort.Search(len(l.gaps), func(i int) bool { return l.gaps[i].end > seq })
	return i < len(l.gaps) && l.gaps[i].first <= seq
}

// CheckHead returns a forked fault unless the log had this head once. Its size
// must be at most Next.
func (l *Log) CheckHead(ctx context.Context, head merkle.Head) error {
	root, ok := l.roots.Find(head.Size)
	if !ok {
		var err error
		if root, err = l.merkle.RootAt(ctx, head.Size); err != nil {
			return err
		}
		l.roots.Add(merkle.Head{Size: head.Size, Root: root})
	}
	if head.Size == uint64(l.next) && len(l.owed) > 0 {
		return fault.New(fault.Forked, "the head %s ends the chain within a commit, of which %d events are missing", head, len(l.owed))
	}
	if root != head.Root {
		return fault.New(fault.Forked, "the chain's events have the root %s at size %d, and the head said of it is %s", root, head.Size, head)
	}
	return nil
}

// Add verifies the batch that comes next, whose data may be left out. After an
// error, which names the event, the log is of no more use.
func (l *Log) Add(ctx context.Context, b *event.Batch) error {
	switch {
	case b.First < l.next:
		return fault.New(fault.Damaged, "event %d comes after event %d", b.First, l.next-1)
	case b.Count < 1 || b.Count > event.MaxBatchEvents || b.First > merkle.MaxSize-event.MaxBatchEvents:
		return fault.New(fault.Damaged, "a batch of %d events cannot stand at event %d", b.Count, b.First)
	}
	if err := l.Skip(ctx, b.First); err != nil {
		return err
	}
	events, err := l.parse(b)
	if err != nil {
		return err
	}
	own := b.Count == 1 && authority.IsOwn(&events[0].header)
	var signer []event.Hash
	if l.genesis.Trust == event.Distributed && !own {
		id, err := l.checkSeal(ctx, b, events)
		if err != nil {
			return fault.New(fault.CodeOf(err), "the batch of event %d: %w", b.First, err)
		}
		signer = []event.Hash{id}
	}
	if err := l.apply(b, events, signer); err != nil {
		return err
	}
	if own {
		if err := l.applyOwn(b, &events[0]); err != nil {
			return err
		}
	}
	l.hashes = l.hashes[:0]
	for i := range events {
		l.hashes = append(l.hashes, events[i].leaf)
	}
	if err := l.grow(ctx, l.hashes); err != nil {
		return err
	}
	l.roots.Add(l.merkle.Head())
	l.next = b.Next()
	l.counts.Events += uint64(b.Count)
	l.counts.Batches++
	return nil
}

// Skip takes the leaf hashes of the events from Next to before a seq, which
// compaction has dropped. Add does it by itself; only the chain's last events,
// after which no batch comes, need it.
func (l *Log) Skip(ctx context.Context, to event.Seq) error {
	for l.next < to {
		n := int(min(to-l.next, merkle.BundleSize))
		leaves, err := l.ask(ctx, l.next, n)
		if err != nil {
			return fault.New(fault.CodeOf(err), "asking for the leaf hashes of events %d to %d, which are gone: %w", l.next, l.next+event.Seq(n)-1, err)
		}
		if err := l.settle(leaves); err != nil {
			return err
		}
		if err := l.grow(ctx, leaves); err != nil {
			return err
		}
		l.dropped(event.Seq(n))
	}
	return nil
}

// settle compares the next leaf hashes with what is owed.
func (l *Log) settle(leaves []event.Hash) error {
	for i := range leaves[:min(len(leaves), len(l.owed))] {
		if leaves[i] != l.owed[i] {
			return fault.New(fault.BadSeal, "event %d is not the one that was sealed there, with event %d and others in one commit", l.next+event.Seq(i), l.part.first)
		}
	}
	l.owed = l.owed[min(len(leaves), len(l.owed)):]
	return nil
}

// grow adds the next leaf hashes to the tree.
func (l *Log) grow(ctx context.Context, leaves []event.Hash) error {
	l.merkle.Append(leaves...)
	return l.merkle.Flush(ctx)
}

// dropped takes note that the next n events are gone.
func (l *Log) dropped(n event.Seq) {
	if last := len(l.gaps) - 1; last >= 0 && l.gaps[last].end == l.next {
		l.gaps[last].end += n
	} else {
		l.gaps = append(l.gaps, gap{l.next, l.next + n})
	}
	l.next += n
	l.counts.Dropped += uint64(n)
}

// ask asks for leaf hashes and checks how many come.
func (l *Log) ask(ctx context.Context, from event.Seq, count int) ([]event.Hash, error) {
	leaves, err := l.leaves(ctx, from, count)
	if err == nil && len(leaves) != count {
		err = fault.New(fault.BadMessage, "%d leaf hashes came when %d were asked for", len(leaves), count)
	}
	return leaves, err
}

// checked is an event of a batch.
type checked struct {
	header  eventpb.Header
	hasData bool
	leaf    event.Hash
}

// parse returns a batch's events, which are good until the next call.
func (l *Log) parse(b *event.Batch) ([]checked, error) {
	l.parsed = append(l.parsed[:0], make([]checked, b.Count)...)
	events, i := l.parsed, 0
	for f, err := range b.Events() {
		at := min(i, b.Count-1)
		e := &events[at]
		if err == nil {
			err = event.UnmarshalHeader(f.Header, &e.header)
		}
		if err != nil {
			return nil, fault.New(fault.CodeOf(err), "event %d: %w", b.First+event.Seq(at), err)
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
