package chain

import "github.com/atedb/atedb/sdk/event"

// recentCommits is how many of a chain's newest commits are known by id.
const recentCommits = 1024

// span is where a commit is stored.
type span struct {
	first event.Seq
	count uint32
}

func (s span) next() event.Seq { return s.first + event.Seq(s.count) }

// recent knows where the newest commits of a chain are stored, by id.
type recent struct {
	spans map[event.CommitID]span
	ids   []event.CommitID // a ring once it is full
	at    int              // where the oldest is, in a full ring
	from  event.Seq        // every commit stored at or after this seq is known
}

func (r *recent) find(id event.CommitID) (span, bool) {
	s, ok := r.spans[id]
	return s, ok
}

// add makes a commit known. What compaction left of a batch comes in several
// parts with one id; they count as one commit.
func (r *recent) add(id event.CommitID, s span) {
	if r.spans == nil {
		r.spans = make(map[event.CommitID]span)
	}
	if earlier, ok := r.spans[id]; ok {
		r.spans[id] = span{earlier.first, uint32(s.next() - earlier.first)}
		return
	}
	r.spans[id] = s
	if len(r.ids) < recentCommits {
		r.ids = append(r.ids, id)
		return
	}
	oldest := r.ids[r.at]
	r.from = r.spans[oldest].next()
	delete(r.spans, oldest)
	r.ids[r.at] = id
	r.at = (r.at + 1) % recentCommits
}
