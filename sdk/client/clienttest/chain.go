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
	head        *wirepb.Head
}

// chain is one log in memory.
type chain struct {
	name    chainname.Name
	id      event.ChainID
	genesis []byte
	discard bool

	mu      sync.Mutex // guards what follows
	records [][]byte
	next    event.Seq
	tree    *merkle.Tree         // over the leaf hashes of all events
	newest  map[string]event.Seq // of each object that has a value
	where   map[event.Seq]int    // the record that holds an object's newest event
	commits map[event.CommitID]span
	locks   map[string]*session
	changed chan struct{} // closed and replaced when something above changes
}

func newChain(name chainname.Name, discard bool) *chain {
	genesis := event.NewGenesis(name, event.Centralized, nil)
	frame, id, err := genesis.Frame()
	if err != nil {
		panic(err) // a valid name always has a frame
	}
	first := event.Batch{Count: 1, Frames: frame, Time: time.Now().UnixMicro()}
	record := first.AppendRecord(nil)
	c := &chain{
		name:    name,
		id:      id,
		genesis: record,
		discard: discard,
		records: [][]byte{record},
		next:    1,
		newest:  map[string]event.Seq{event.GenesisKey: 0},
		where:   map[event.Seq]int{0: 0},
		commits: make(map[event.CommitID]span),
		locks:   make(map[string]*session),
		changed: make(chan struct{}),
	}
	c.grow(&first)
	return c
}

// grow adds a batch to the tree.
func (c *chain) grow(b *event.Batch) {
	if c.tree == nil {
		c.tree = merkle.New(&merkle.MemoryBundles{})
	}
	for f, err := range b.Events() {
		if err == nil {
			c.tree.Append(f.Leaf(c.id))
		}
	}
}

// head returns the chain's head. One that stores nothing has a made-up root.
func (c *chain) head() *wirepb.Head {
	head := c.tree.Head()
	if c.discard {
		head = merkle.Head{Size: uint64(c.next)}
	}
	return head.Proto()
}

// continues returns the proof that the chain continues its head of a size.
func (c *chain) continues(size uint64) ([][]byte, error) {
	if size == 0 || size >= c.tree.Size() {
		return nil, nil
	}
	proof, err := c.tree.ProveConsistency(context.Background(), size, c.tree.Size())
	var out [][]byte
	for i := range proof {
		out = append(out, proof[i][:])
	}
	return out, err
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
	batch := event.Batch{First: c.next, Time: time.Now().UnixMicro(), Commit: id, Count: int(m.Count), Frames: m.Frames}
	headers, err := c.check(by, &batch, m.Expected)
	if err != nil {
		return span{}, err
	}
	for i := range headers {
		key := string(headers[i].Key)
		if old, ok := c.newest[key]; ok {
			delete(c.where, old)
		}
		seq := batch.First + event.Seq(i)
		c.newest[key], c.where[seq] = seq, len(c.records)
		if headers[i].Tombstone {
			delete(c.newest, key)
			delete(c.where, seq)
		}
	}
	c.records = append(c.records, batch.AppendRecord(nil))
	c.grow(&batch)
	c.next = batch.Next()
	c.commits[id] = span{batch.First, c.next, c.head()}
	c.notify()
	return c.commits[id], nil
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
		if event.IsReserved(key) {
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
				one.First, one.Count = seq, 1
				one.Frames = event.AppendFrame(nil, frame.Header, frame.Data)
				return one.AppendRecord(dst)
			}
			at++
		}
	}
	return dst
}

// drop removes an event, as compaction does.
func (c *chain) drop(seq event.Seq) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var kept [][]byte
	for _, record := range c.records {
		batch, _, err := event.CutRecord(record)
		if err == nil && batch.Count == 1 && batch.First == seq {
			continue
		}
		kept = append(kept, record)
	}
	c.records = kept
	clear(c.where)
	for _, at := range c.newest {
		for i, record := range kept {
			if first, count, _, err := event.PeekRecord(record); err == nil && at >= first && at < first+event.Seq(count) {
				c.where[at] = i
			}
		}
	}
}

// rewind removes the records that end after next.
func (c *chain) rewind(next event.Seq) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.records) > 0 {
		last := len(c.records) - 1
		if first, count, _, err := event.PeekRecord(c.records[last]); err == nil && first+event.Seq(count) <= next {
			break
		}
		c.records = c.records[:last]
	}
	c.next, c.tree = next, nil
	for _, record := range c.records {
		if batch, _, err := event.CutRecord(record); err == nil {
			c.grow(&batch)
		}
	}
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
