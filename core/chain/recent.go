package chain

import "github.com/atedb/atedb/sdk/event"

// recentCommits is how many of a chain's newest commits are known by id, at
// least; up to twice as many are.
const recentCommits = 1024

// span is where a commit is stored.
type span struct {
	first event.Seq
	count uint32
}

func (s span) next() event.Seq { return s.first + event.Seq(s.count) }

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

// add makes a commit known. What compaction left of a batch comes in several
// parts with one id; they count as one commit.
func (r *recent) add(id event.CommitID, s span) {
	if earlier, ok := r.young.spans[id]; ok {
		s = span{earlier.first, uint32(s.next() - earlier.first)}
	} else if len(r.young.spans) >= recentCommits {
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
