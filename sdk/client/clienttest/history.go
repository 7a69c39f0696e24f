package clienttest

import (
	"maps"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/merkle"
)

// replay makes everything anew of the records that are there, and of all leaf
// hashes.
func (c *chain) replay(leaves []event.Hash) {
	c.tree, c.leaves = merkle.New(&merkle.MemoryBundles{}), nil
	c.grow(leaves)
	c.reread()
}

// reread makes anew what is known of the records that are there.
func (c *chain) reread() {
	c.judge = newJudge(c.genesis)
	c.newest, c.where = make(map[string]event.Seq), make(map[event.Seq]int)
	for i, record := range c.records {
		batch, _, err := event.CutRecord(record)
		if err != nil {
			continue
		}
		headers := make([]eventpb.Header, batch.Count)
		at := 0
		for f, err := range batch.Events() {
			if err == nil {
				err = event.UnmarshalHeader(f.Header, &headers[at])
			}
			if err == nil {
				at++
			}
		}
		c.judge.follow(&batch, headers[:at])
		c.note(&batch, headers[:at], i)
	}
}

// drop removes events, and nothing else. The caller holds mu.
func (c *chain) drop(seqs []event.Seq) {
	var kept [][]byte
	for _, record := range c.records {
		if batch, _, err := event.CutRecord(record); err == nil {
			kept = append(kept, split(&batch, seqs)...)
		}
	}
	c.records = kept
	c.reread()
	c.notify()
}

// split returns the records of what is left of a batch without some events.
func split(batch *event.Batch, without []event.Seq) (records [][]byte) {
	run, seq := *batch, batch.First
	run.Count, run.Frames = 0, nil
	end := func() {
		if run.Count > 0 {
			records = append(records, run.AppendRecord(nil))
		}
		run.Count, run.Frames = 0, nil
	}
	for f, err := range batch.Events() {
		switch {
		case err != nil:
			return records
		case slices.Contains(without, seq):
			end()
		default:
			if run.Count == 0 {
				run.First, run.Offset = seq, batch.Offset+int(seq-batch.First)
			}
			run.Count++
			run.Frames = f.Append(run.Frames)
		}
		seq++
	}
	end()
	return records
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
	c.replay(c.leaves[:next:next])
}

// fork returns a second history, which is the same so far.
func (c *chain) fork() *chain {
	c.mu.Lock()
	defer c.mu.Unlock()
	other := &chain{
		name: c.name, id: c.id, genesis: c.genesis, first: c.first, discard: c.discard, judged: c.judged,
		records: slices.Clone(c.records), commits: maps.Clone(c.commits), gone: c.gone,
		locks: make(map[string]*session), changed: make(chan struct{}),
	}
	other.replay(c.leaves)
	return other
}
