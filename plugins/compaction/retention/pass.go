package retention

import (
	"crypto/sha256"
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
)

// pass is one plan under way: the rules for a chain, and what they have counted.
type pass struct {
	rules []*counted
	// seen are the objects of which an event was shown, as long as a rule has to
	// know which events are the newest of theirs.
	seen map[objectID]struct{}
}

// objectID stands for an object's key: the first half of its SHA-256.
type objectID [16]byte

func objectOf(key []byte) objectID {
	sum := sha256.Sum256(key)
	return objectID(sum[:16])
}

// newPass starts a plan with those of the rules that are for the chain.
func newPass(rules []Rule, chain compaction.Chain) *pass {
	p := &pass{seen: make(map[objectID]struct{})}
	for i := range rules {
		if r := &rules[i]; r.Chains.fit([]byte(chain.Name)) {
			p.rules = append(p.rules, &counted{Rule: r, since: chain.Now.Add(-r.Age), versions: make(map[objectID]uint32)})
		}
	}
	return p
}

// over reports whether what is to come gets no vote.
func (p *pass) over() bool {
	return !slices.ContainsFunc(p.rules, func(r *counted) bool { return !r.Keeps || !r.over })
}

// vote returns the strongest of the rules' votes on an event, and counts it.
// There is none on the server's own objects.
func (p *pass) vote(e *compaction.Event) compaction.Vote {
	h := &e.Header
	if event.IsReserved(h.Key) {
		return compaction.Silent
	}
	live := p.isNewest(h.Key) && !h.Tombstone
	vote := compaction.Silent
	for _, r := range p.rules {
		if r.Selector.selects(h) {
			vote = vote.Stronger(r.vote(e, live))
		}
	}
	return vote
}

// isNewest reports whether an event, which comes now, is the newest of its
// object. It says no if no rule has to know.
func (p *pass) isNewest(key []byte) bool {
	asked := slices.ContainsFunc(p.rules, func(r *counted) bool { return r.asksForNewest() && r.Objects.fit(key) })
	if !asked {
		return false
	}
	id, before := objectOf(key), len(p.seen)
	p.seen[id] = struct{}{}
	return len(p.seen) > before
}

// counted is a rule and what it has counted so far, newest first.
type counted struct {
	*Rule
	since    time.Time // what is older is beyond the age
	over     bool      // everything to come is beyond the limits
	all      tally     // of what is within the limit of versions
	live     tally     // of the values among that which live, if the rule drops such
	versions map[objectID]uint32
}

// tally is how much there was.
type tally struct{ events, bytes int64 }

func (t *tally) add(e *compaction.Event) {
	t.events++
	t.bytes += size(e)
}

func (t *tally) exceeds(l *Limits) bool {
	return l.Events > 0 && t.events > l.Events || l.Bytes > 0 && t.bytes > l.Bytes
}

// asksForNewest reports whether the vote on an event depends on whether it is
// the newest of its object: for what drops no live value and, as long as it
// counts them, for what does. The newest is never beyond a limit of versions.
func (r *counted) asksForNewest() bool {
	l := &r.Limits
	switch {
	case r.Keeps:
		return false
	case r.DropLive:
		return !r.over && (l.Events > 0 || l.Bytes > 0)
	}
	return l.Age > 0 || l.Events > 0 || l.Bytes > 0
}

// vote counts an event that the rule selects, and returns the vote on it.
func (r *counted) vote(e *compaction.Event, live bool) compaction.Vote {
	beyond := r.beyond(e, live)
	switch {
	case r.Keeps && !beyond:
		return compaction.ForceKeep
	case r.Keeps || !beyond:
		return compaction.Silent
	case r.DropLive:
		return compaction.ForceDrop
	case live:
		return compaction.Silent
	}
	return compaction.Drop
}

// beyond counts an event and reports whether it is beyond one of the limits.
// Times never grow on the way, so that neither age nor tallies fall within the
// limits again.
//
// A rule that drops live values counts them apart: what is superseded, and may
// be about to go by other votes, takes no place from them.
func (r *counted) beyond(e *compaction.Event, live bool) bool {
	if r.over = r.over || r.Age > 0 && e.Time.Before(r.since); r.over {
		return true
	}
	if r.Versions > 0 && r.isVersionTooMany(e.Header.Key) {
		return true
	}
	r.all.add(e)
	if !r.DropLive {
		r.over = r.all.exceeds(&r.Limits)
		return r.over
	}
	if !live {
		return r.all.exceeds(&r.Limits)
	}
	r.live.add(e)
	r.over = r.live.exceeds(&r.Limits)
	return r.over
}

func (r *counted) isVersionTooMany(key []byte) bool {
	id := objectOf(key)
	n := r.versions[id]
	if int64(n) == r.Versions {
		return true
	}
	r.versions[id] = n + 1
	return false
}

// size is how many bytes an event counts: its data, and the texts of its header.
func size(e *compaction.Event) int64 {
	h := &e.Header
	n := e.DataSize + len(h.Key) + len(h.Parent.Key) + len(h.Parent.Collection) + len(h.Type) + len(h.ReplyTo)
	for key, value := range h.Labels {
		n += len(key) + len(value)
	}
	return int64(n)
}
