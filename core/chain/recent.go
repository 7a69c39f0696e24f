package chain

import "github.com/atedb/atedb/sdk/event"

// recentCommits is how many of a chain's newest commits are known by id, at
// least; up to twice as many are.
const recentCommits = 1024

// span is where a commit is stored: the seqs from first up to, not including,
// next.
type span struct{ first, next event.Seq }

// spanOf returns where the commit of a batch is stored, as far as the batch
// tells if compaction has split it.
func spanOf(b *event.Batch) span { return span{b.First - event.Seq(b.Offset), b.Next()} }

// union returns where a commit is stored of which two parts are known.
func (s span) union(other span) span {
	return span{min(s.first, other.first), max(s.next, other.next)}
}

// recent knows where the newest commits of a chain are stored, by id: those of
// a young generation, and those of the one before it.
type recent struct {
	young, old generation
	from       event.Seq // every commit stored at or after this seq is known
}

type generation struct {
	spans map[event.CommitID]span
	from  event.Seq // of its first commit
}

func (r *recent) find(id event.CommitID) (span, bool) {
	if s, ok := r.young.spans[id]; ok {
		return s, true
	}
	s, ok := r.old.spans[id]
	return s, ok
}

// add makes a new commit known.
func (r *recent) add(id event.CommitID, s span) {
	if len(r.young.spans) >= recentCommits {
		clear(r.old.spans)
		r.young, r.old = r.old, r.young
		r.from = r.old.from
	}
	if r.young.spans == nil {
		r.young.spans = make(map[event.CommitID]span)
	}
	if len(r.young.spans) == 0 {
		r.young.from = s.first
	}
	r.young.spans[id] = s
}

// addBatch makes the commit of a stored batch known. What compaction left of a
// commit comes in several batches.
func (r *recent) addBatch(b *event.Batch) {
	s := spanOf(b)
	if earlier, ok := r.young.spans[b.Commit]; ok {
		r.young.spans[b.Commit] = earlier.union(s)
	} else if earlier, ok = r.old.spans[b.Commit]; ok {
		r.old.spans[b.Commit] = earlier.union(s)
	} else {
		r.add(b.Commit, s)
	}
}
