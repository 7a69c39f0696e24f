package chain

import (
	"context"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Limits of a round.
const (
	// maxRound is how many bytes of records a round may have, unless its
	// first commit alone has more.
	maxRound = 8 << 20
	// resendHorizon is how far back a resent commit is looked for, in events.
	resendHorizon = 4 << 20
)

// outcome is what a round makes of one of its commits.
type outcome struct {
	commit *Commit
	result Result
	fresh  bool // it is new, and its record is among the round's
}

// Commit queues commits and, if nobody is committing, commits a round. Commits
// that one goroutine brings are answered in that order. Bringing several at
// once makes the round larger.
func (c *Chain) Commit(commits ...*Commit) {
	for _, commit := range commits {
		commit.shapeFault, commit.shapeErr = commit.parse(c.id, c.genesis.Trust)
	}
	c.queueMu.Lock()
	c.queue = append(c.queue, commits...)
	if c.leading {
		c.queueMu.Unlock()
		return
	}
	c.leading = true
	round := c.takeRound()
	c.queueMu.Unlock()

	c.commitRound(round)
	if round = c.nextRound(); round != nil {
		go c.lead(round)
	}
}

// lead commits rounds until nothing is queued.
func (c *Chain) lead(round []*Commit) {
	for round != nil {
		c.commitRound(round)
		round = c.nextRound()
	}
}

// nextRound takes what has queued up, or gives up the lead and returns nil.
func (c *Chain) nextRound() []*Commit {
	c.queueMu.Lock()
	defer c.queueMu.Unlock()
	if len(c.queue) == 0 {
		c.leading = false
		return nil
	}
	return c.takeRound()
}

// takeRound takes as much of the queue as a round may hold. When the server says
// what lives, that is the last of its round, so that the state is then as of it.
func (c *Chain) takeRound() []*Commit {
	n, size := 0, 0
	for n < len(c.queue) && (n == 0 || size < maxRound && !c.queue[n-1].last) {
		size += c.queue[n].recordSize()
		n++
	}
	round := c.queue[:n:n]
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
	return round
}

// commitRound is the way of events through the daemon. Only the leader calls
// it.
func (c *Chain) commitRound(round []*Commit) {
	records, next := c.judge(round) // who may write what, against which versions
	err := c.store(records)         // durable when it returns
	c.settle(records, next, err)    // seen by loads, expectations and subscribers
	for i := range c.outcomes {
		o := &c.outcomes[i]
		o.commit.Answer(o.commit, o.result)
	}
	clear(c.outcomes)
	c.plain.Key = nil // it was a client's buffer
}

// judge decides on each commit of a round. It returns the records of those to
// be stored, and the chain's next seq once they are.
func (c *Chain) judge(round []*Commit) ([]byte, event.Seq) {
	j := c.newJudge(round)
	c.stateMu.RLock()
	defer c.stateMu.RUnlock()
	c.outcomes = c.outcomes[:0]
	c.buf = c.buf[:0]
	c.lastTime = max(c.now().UnixMicro(), c.lastTime)
	next := c.Next()
	for i, commit := range round {
		o := outcome{commit: commit, result: Result{Event: -1}}
		if at, ok := j.find(commit); ok {
			o.result.First, o.result.Next = at.first, at.next
		} else if o.result.Event, o.result.Err = j.judge(commit, i, next); o.result.Err == nil {
			batch := event.Batch{
				First: next, Time: c.lastTime, Commit: commit.ID, Count: commit.Count,
				Evidence: commit.Evidence, Frames: commit.Frames,
			}
			c.buf = batch.AppendRecord(c.buf)
			if j.found != nil {
				j.found[commit.ID] = spanOf(&batch)
			}
			o.fresh, o.result.First, o.result.Next = true, next, batch.Next()
			next = batch.Next()
		}
		c.outcomes = append(c.outcomes, o)
	}
	return c.buf, next
}

// store makes a round's records durable. After an error, the chain goes on
// only if it is certain that none of them is stored.
func (c *Chain) store(records []byte) error {
	if len(records) == 0 || c.failed != nil {
		return c.failed
	}
	err := c.log.Append(records)
	if err == nil {
		return nil
	}
	left, readErr := c.log.Read(context.Background(), nil, c.Next(), 1, true)
	if readErr == nil && len(left) == 0 {
		return err
	}
	c.failed = fault.New(fault.Unavailable, "storing in chain %s: it is not certain what is stored: %w", c.name, err)
	c.onFail(c.failed)
	return c.failed
}

// settle makes a stored round part of the chain's state, or turns its outcomes
// into refusals.
func (c *Chain) settle(records []byte, next event.Seq, err error) {
	switch {
	case err != nil:
		c.discard(err)
	case len(records) > 0:
		c.admit(next)
		c.publish.Publish(records, next)
		c.maintain()
	}
	head := c.merkle.Head()
	for i := range c.outcomes {
		c.outcomes[i].result.Head = head
	}
	if cap(c.buf) > maxRound {
		c.buf = nil
	}
}

// admit makes what is stored part of the state.
func (c *Chain) admit(next event.Seq) {
	c.stateMu.Lock()
	c.tree.Settle()
	c.stateMu.Unlock()
	c.writers.Settle()
	for i := range c.outcomes {
		if o := &c.outcomes[i]; o.fresh {
			c.recent.add(o.commit.ID, span{o.result.First, o.result.Next})
			c.merkle.Append(o.commit.leaves...)
		}
	}
	c.next.Store(uint64(next))
	c.stored = c.lastTime
	if c.genesis.Trust == event.Distributed {
		c.heads.Add(c.merkle.Head())
	}
}

// discard turns what could not be stored into refusals.
func (c *Chain) discard(err error) {
	c.tree.Discard()
	c.writers.Discard()
	durable := c.Next()
	for i := range c.outcomes {
		if r := &c.outcomes[i].result; r.Err == nil && r.Next > durable {
			*r = Result{Err: err, Event: -1}
		}
	}
}

// judge is what the leader needs to decide on the commits of one round beside
// the chain's state.
type judge struct {
	*Chain
	found    map[event.CommitID]span // resent commits, in the log or in this round
	unsure   error                   // why it cannot be told whether resent commits that the chain no longer knows are stored
	verdicts []error                 // on the seals of the round's commits, in distributed trust
}

func (c *Chain) newJudge(round []*Commit) *judge {
	j := &judge{Chain: c}
	from := c.recent.from
	for _, commit := range round {
		if commit.Resent {
			if j.found == nil {
				j.found = make(map[event.CommitID]span)
			}
			if _, ok := c.recent.find(commit.ID); !ok && !c.isExpired(commit) {
				from = min(from, commit.ResentFrom)
			}
		}
	}
	if from < c.recent.from {
		j.search(round, from)
	}
	if c.genesis.Trust == event.Distributed {
		j.verdicts = j.validate(round)
	}
	return j
}

// isExpired reports whether a commit was sent first when too much has happened
// since to look for it.
func (c *Chain) isExpired(commit *Commit) bool {
	return commit.Resent && commit.ResentFrom < c.recent.from && c.recent.from-commit.ResentFrom > resendHorizon
}

// search looks in the log, from a seq on, for resent commits that the chain no
// longer knows.
func (j *judge) search(round []*Commit, from event.Seq) {
	wanted := make(map[event.CommitID]struct{})
	for _, commit := range round {
		if commit.Resent {
			wanted[commit.ID] = struct{}{}
		}
	}
	j.unsure = j.scan(context.Background(), from, j.recent.from, func(b *event.Batch) error {
		if _, ok := wanted[b.Commit]; ok {
			at := spanOf(b)
			if earlier, seen := j.found[b.Commit]; seen {
				at = earlier.union(at)
			}
			j.found[b.Commit] = at
		}
		return nil
	})
}

// find returns where a commit that was sent before is, or will be, stored. Of one
// whose last events compaction dropped, the log does not tell how many it had.
func (j *judge) find(commit *Commit) (span, bool) {
	at, ok := j.recent.find(commit.ID)
	if !ok {
		at, ok = j.found[commit.ID]
	}
	if ok && commit.shapeErr == nil && at.next < j.Compactions().Dropped {
		at.next = max(at.next, at.first+event.Seq(commit.Count))
	}
	return at, ok
}

// judge returns why a commit, the i-th of its round, is refused, and for which
// of its events, or nil. Then what it does from seq first on is staged.
func (j *judge) judge(commit *Commit, i int, first event.Seq) (int, error) {
	switch {
	case commit.shapeErr != nil:
		return commit.shapeFault, commit.shapeErr
	case j.isExpired(commit):
		return -1, fault.New(fault.Expired, "the commit was first sent more than %d events ago, too far back to tell whether it is stored; look for it in the log", resendHorizon)
	case commit.Resent && commit.ResentFrom < j.Compactions().Dropped:
		return -1, fault.New(fault.Expired, "the commit was first sent before the chain was compacted, so it cannot be told whether it was stored and dropped since; look at the present state of its objects")
	case commit.Resent && j.unsure != nil && commit.ResentFrom < j.recent.from:
		return -1, j.unsure
	}
	if i, err := j.locks.check(commit.Writer.Session, commit.writes); err != nil {
		return i, err
	}
	for _, want := range commit.Expected {
		seq, ok := j.tree.Staged(want.Key)
		if got := (version{seq, ok}); got != (version{want.Seq, want.Exists}) {
			return -1, fault.New(fault.VersionConflict, "object %q is %s; %s was expected", want.Key, got, version{want.Seq, want.Exists})
		}
	}
	if commit.own != nil {
		return -1, j.tree.StageOwn(first, commit.own)
	}
	if j.verdicts == nil {
		return j.write(commit, first, commit.Writer.Proven)
	}
	if j.verdicts[i] != nil {
		return -1, j.verdicts[i]
	}
	return j.writeSealed(commit, first)
}

// writeSealed stages a commit with a good seal. A key that seals must be in the
// chain, or else nobody could verify what it sealed.
func (j *judge) writeSealed(commit *Commit, first event.Seq) (int, error) {
	if err := j.writers.Check(commit.seal); err != nil {
		return -1, err
	}
	mark := j.tree.Mark()
	if at, err := j.write(commit, first, []event.Hash{commit.seal.Signer}); err != nil {
		return at, err
	}
	if _, ok := j.tree.PublicKey(commit.seal.Signer); !ok {
		j.tree.Revert(mark)
		return -1, unknownKey(commit.seal.Signer)
	}
	j.writers.Stage(commit.seal)
	return -1, nil
}

// write stages a commit's writes by the owner of some keys, or none of them.
func (j *judge) write(commit *Commit, first event.Seq, keys []event.Hash) (int, error) {
	mark := j.tree.Mark()
	for i := range commit.writes {
		w := &commit.writes[i]
		header := w.header
		if header == nil {
			header = &j.plain
			header.Key, header.Tombstone = w.key, w.tombstone
		}
		if err := j.tree.Judge(first+event.Seq(i), header, w.hasData, keys); err != nil {
			j.tree.Revert(mark)
			return i, err
		}
	}
	return -1, nil
}
