package clienttest

import (
	"context"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// span is the seqs that a commit got, up to next, and a head that holds them.
type span struct {
	first, next event.Seq
	head        merkle.Head
}

// chain is one log in memory.
type chain struct {
	name    chainname.Name
	id      event.ChainID
	genesis event.Genesis
	first   []byte // the record of the genesis
	discard bool
	judged  bool

	mu      sync.Mutex // guards what follows
	records [][]byte
	next    event.Seq
	leaves  []event.Hash // of all events, dropped ones included
	tree    *merkle.Tree // over those
	judge   *judge
	newest  map[string]event.Seq // of each object that has a value
	where   map[event.Seq]int    // the record that holds an object's newest event
	commits map[event.CommitID]span
	locks   map[string]*session
	gone    gone
	changed chan struct{} // closed and replaced when something above changes
}

func newChain(name chainname.Name, options *Options, rootKeys [][]byte) *chain {
	trust := options.Trust
	if trust != event.Distributed {
		trust, rootKeys = event.Centralized, nil
	}
	genesis := event.NewGenesis(name, trust, rootKeys)
	frame, id, err := genesis.Frame()
	if err != nil {
		panic(err) // a valid name always has a frame
	}
	first := event.Batch{Count: 1, Frames: frame, Time: time.Now().UnixMicro()}
	record := first.AppendRecord(nil)
	c := &chain{
		name:    name,
		id:      id,
		genesis: genesis,
		first:   record,
		discard: options.Discard,
		judged:  options.Judge || trust == event.Distributed,
		records: [][]byte{record},
		commits: make(map[event.CommitID]span),
		locks:   make(map[string]*session),
		changed: make(chan struct{}),
	}
	c.replay(leavesOf(&first, id))
	return c
}

func leavesOf(b *event.Batch, id event.ChainID) (leaves []event.Hash) {
	for f, err := range b.Events() {
		if err == nil {
			leaves = append(leaves, f.Leaf(id))
		}
	}
	return leaves
}

// grow adds leaf hashes to the tree.
func (c *chain) grow(leaves []event.Hash) {
	c.leaves = append(c.leaves, leaves...)
	c.tree.Append(leaves...)
	c.next = event.Seq(len(c.leaves))
}

// head returns the chain's head. One that stores nothing has a made-up root.
func (c *chain) head() merkle.Head {
	if c.discard {
		return merkle.Head{Size: uint64(c.next)}
	}
	return c.tree.Head()
}

// continues returns the proof that the chain continues its head of a size.
func (c *chain) continues(size uint64) ([][]byte, error) {
	if size == 0 || size >= c.tree.Size() {
		return nil, nil
	}
	proof, err := c.tree.ProveConsistency(context.Background(), size, c.tree.Size())
	return slicesOf(proof), err
}

// append stores a commit and answers as it did the first time when it has it.
func (c *chain) append(by *session, m *wirepb.Commit) (span, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.discard {
		c.next += event.Seq(m.Count)
		return span{c.next - event.Seq(m.Count), c.next, c.head()}, nil
	}
	id := event.CommitID(m.Id)
	if done, ok := c.commits[id]; ok {
		return done, nil
	}
	batch := event.Batch{First: c.next, Time: time.Now().UnixMicro(), Commit: id, Count: int(m.Count), Evidence: m.Evidence, Frames: m.Frames}
	headers, err := c.check(by, &batch, m.Expected)
	if err != nil {
		return span{}, err
	}
	if err := c.admit(by, &batch, headers); err != nil {
		return span{}, err
	}
	c.note(&batch, headers, len(c.records))
	c.records = append(c.records, batch.AppendRecord(nil))
	c.grow(leavesOf(&batch, c.id))
	c.commits[id] = span{batch.First, c.next, c.head()}
	c.notify()
	return c.commits[id], nil
}

// note takes note of a batch's newest events, in the record with that index.
func (c *chain) note(batch *event.Batch, headers []eventpb.Header, record int) {
	for i := range headers {
		key := string(headers[i].Key)
		if old, ok := c.newest[key]; ok {
			delete(c.where, old)
		}
		seq := batch.First + event.Seq(i)
		c.newest[key], c.where[seq] = seq, record
		if headers[i].Tombstone {
			delete(c.newest, key)
			delete(c.where, seq)
		}
	}
}

// check returns the headers of a batch that may be stored.
func (c *chain) check(by *session, batch *event.Batch, expected []*wirepb.Expected) ([]eventpb.Header, error) {
	if batch.Count < 1 || batch.Count > event.MaxBatchEvents {
		return nil, fault.New(fault.BadRequest, "a commit has %d events", batch.Count)
	}
	headers := make([]eventpb.Header, batch.Count)
	i := 0
	for frame, err := range batch.Events() {
		if err == nil {
			err = event.UnmarshalHeader(frame.Header, &headers[i])
		}
		if err != nil {
			return nil, err
		}
		key := headers[i].Key
		if event.IsReserved(key) && !c.judged {
			return nil, fault.New(fault.NotAuthorized, "the key %q is the server's own", key)
		}
		if holder := c.locks[string(key)]; holder != nil && holder != by {
			return nil, fault.New(fault.Locked, "another connection holds the lock of %q", key)
		}
		i++
	}
	for _, e := range expected {
		seq, ok := c.newest[string(e.Key)]
		if ok != (e.Seq != nil) || ok && uint64(seq) != *e.Seq {
			return nil, fault.New(fault.VersionConflict, "the object %q is not at the version expected", e.Key)
		}
	}
	return headers, nil
}

// load answers a Load. It looks through all records for seqs that are not an
// object's newest event.
func (c *chain) load(m *wirepb.Load) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var records []byte
	for _, seq := range m.Seqs {
		records = c.appendEvent(records, event.Seq(seq))
	}
	for _, key := range m.Keys {
		if seq, ok := c.newest[string(key)]; ok {
			records = c.appendEvent(records, seq)
		}
	}
	return records
}

func (c *chain) appendEvent(dst []byte, seq event.Seq) []byte {
	records := c.records
	if i, ok := c.where[seq]; ok {
		records = c.records[i : i+1]
	}
	for _, record := range records {
		batch, _, err := event.CutRecord(record)
		if err != nil || seq < batch.First || seq >= batch.Next() {
			continue
		}
		at := batch.First
		for frame, err := range batch.Events() {
			if err == nil && at == seq {
				one := batch
				one.First, one.Count, one.Offset = seq, 1, batch.Offset+int(seq-batch.First)
				one.Frames = event.AppendFrame(nil, frame.Header, frame.Data)
				return one.AppendRecord(dst)
			}
			at++
		}
	}
	return dst
}

// lock waits until the lock is by's. It returns false if by's time ran out or
// stop was closed.
func (c *chain) lock(by *session, key string, wait time.Duration, stop <-chan struct{}) bool {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		c.mu.Lock()
		select {
		case <-stop:
			c.mu.Unlock()
			return false
		default:
		}
		if c.locks[key] == nil {
			c.locks[key] = by
			c.mu.Unlock()
			return true
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-timeout.C:
			return false
		case <-stop:
			return false
		}
	}
}

// unlock ends by's lock of key, if by has it.
func (c *chain) unlock(by *session, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.locks[key] == by {
		delete(c.locks, key)
		c.notify()
	}
}

// notify wakes whoever waits for a change. The caller holds mu.
func (c *chain) notify() {
	close(c.changed)
	c.changed = make(chan struct{})
}
