package chain

import (
	"crypto/sha256"
	"iter"
	"time"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage"
)

// needs finds out, from a chain's headers newest first, which events have to
// stay whatever the votes, and counts the votes. It needs:
//
//   - genesis, events that are too young, and for each public key the first event
//     left that introduces it: clients do so each time they connect;
//   - each object's newest event, if the object has a value; of what the server
//     said of what lives, older events go whatever the votes;
//   - what sets, in an object's present life, its parent and who may write and
//     read it, which is the newest event that says so;
//   - tombstones that are too young, those that came after the stored snapshot,
//     and those with an earlier event of their object, which would otherwise come
//     to life again. A tombstone thus goes at the earliest when a compaction finds
//     nothing left before it;
//   - tombstones that an open subscription was not sent yet, for another while.
//
// Tombstones are for those who hold a copy of what lives. Where the open
// subscriptions are is known; a client that is away may be anywhere and come back
// at any time, so that each tombstone stays for the time that the config states,
// however many have passed it. Whoever stays away for longer is told, by
// Compactions.Forgotten. A subscription that is behind holds a tombstone for as
// long again as that, an hour at the least: then it is told as well, for one that
// never reads on would otherwise keep all tombstones for good.
//
// In distributed trust, everybody judges each event by what is in force before
// it, and knows a seal's key from the chain. It then needs also:
//
//   - every event that ever set a parent or an authority, for any object;
//   - the first event of each life of an object that another one stood under,
//     since a parent has a value, or that moved, since an event that makes an
//     object under a parent cannot do all that one that moves it there can;
//   - in a commit that is the first to introduce the key that seals it, all events
//     before the one that does: what were left of them would be of an unknown
//     signer.
//
// It keeps about 60 bytes for each object and each public key, and a few for each
// event.
type needs struct {
	trust         event.Trust
	limit         event.Seq // what comes at or after it stays
	unsaved       event.Seq // so do tombstones at or after this
	young, buried time.Time // events and tombstones after these stay

	behind  event.Seq // tombstones at or after this stay, too
	overdue time.Time // unless they are from before this

	forgotten event.Seq // the seq after the last tombstone to be dropped; 0 if there is none

	next       event.Seq // the last event seen
	examined   uint64
	objects    map[objectID]object
	introduced map[event.Hash]introduction // by key id: the last one seen
	pages      pages
}

// introduction is where an event introduces a public key.
type introduction struct {
	from, at event.Seq // what has to stay for the event's sake, and the event
}

// objectID stands for an object's key, as in package authority.
type objectID [16]byte

// object is what was seen of an object so far.
type object struct {
	seen     bool
	past     bool // what comes now is from before its last tombstone
	isParent bool // another object stood under it
	hasMoved bool // its parent was set after its first event in this life, or by that

	hasParent, hasWrite, hasRead bool // the newest event that sets it was seen

	ended  event.Seq // its tombstone, plus 1, if nothing was seen before it
	oldest event.Seq // in distributed trust: the last event seen of this life, plus 1
}

func newNeeds(trust event.Trust, strategies int, limit, end event.Seq) *needs {
	return &needs{
		trust: trust, limit: limit, next: end, unsaved: end, behind: end,
		objects: make(map[objectID]object), introduced: make(map[event.Hash]introduction),
		pages: pages{strategies: strategies, byNumber: make(map[event.Seq]*page)},
	}
}

// watch returns the same events, and sees those that come before any seen yet.
func (n *needs) watch(events iter.Seq2[stored, error]) iter.Seq2[compaction.Event, error] {
	return func(yield func(compaction.Event, error) bool) {
		for e, err := range events {
			if err == nil && e.Seq < n.next {
				n.see(&e)
			}
			if !yield(e.Event, err) {
				return
			}
		}
	}
}

func (n *needs) see(e *stored) {
	n.next = e.Seq
	if e.Seq < n.limit {
		n.examined++
		n.pages.add(e.Seq)
	}
	h := &e.Header
	if h.Tombstone {
		n.pages.mark(e.Seq, isEnd)
	}
	if e.Time.After(n.young) {
		n.pages.mark(e.Seq, isYoung)
	}
	if string(h.Key) == event.GenesisKey || n.trust == event.Distributed && (setsParent(h) || setsWrite(h) || setsRead(h)) {
		n.keep(e.Seq)
	}
	for _, key := range h.Keys {
		n.seeIntroduction(e, event.KeyID(key))
	}
	id := objectOf(h.Key)
	before := n.objects[id]
	o := before
	if o.seen && isOwn(h.Key) {
		n.pages.mark(e.Seq, isSpent)
	}
	if o.ended > 0 {
		n.keep(o.ended - 1)
		o.ended = 0
	}
	if h.Tombstone {
		n.seeEnd(e, &o)
	} else {
		n.seeValue(e, &o)
	}
	o.seen = true
	if o != before {
		n.objects[id] = o
	}
	if len(h.Parent.Key) > 0 {
		parent := n.objects[objectOf(h.Parent.Key)]
		parent.isParent = true
		n.objects[objectOf(h.Parent.Key)] = parent
	}
}

func (n *needs) seeIntroduction(e *stored, key event.Hash) {
	from := e.Seq
	if e.opens && n.trust == event.Distributed {
		from = e.commit
	}
	n.introduced[key] = introduction{from, e.Seq}
}

// seeEnd sees a tombstone: what comes now is of a former life.
func (n *needs) seeEnd(e *stored, o *object) {
	n.keepFirst(o)
	o.ended, o.past = e.Seq+1, true
	if e.Time.After(n.buried) || e.Seq >= n.unsaved || e.Seq >= n.behind && e.Time.After(n.overdue) {
		n.keep(e.Seq)
	}
}

func (n *needs) seeValue(e *stored, o *object) {
	h := &e.Header
	if !o.seen {
		n.keep(e.Seq)
		if !event.IsReserved(h.Key) {
			n.pages.mark(e.Seq, isLive)
		}
	}
	if n.trust == event.Distributed {
		o.oldest = e.Seq + 1
	}
	o.hasMoved = o.hasMoved || setsParent(h)
	if !o.past && (setsParent(h) && !o.hasParent || setsWrite(h) && !o.hasWrite || setsRead(h) && !o.hasRead) {
		n.keep(e.Seq)
		o.hasParent, o.hasWrite, o.hasRead = o.hasParent || setsParent(h), o.hasWrite || setsWrite(h), o.hasRead || setsRead(h)
	}
}

func setsParent(h *event.Header) bool { return len(h.Parent.Key) > 0 || h.Parent.Top }

func setsWrite(h *event.Header) bool { return h.Write.Kind != event.WriteUnchanged }

func setsRead(h *event.Header) bool { return h.Read.Kind != event.ReadUnchanged }

// keepFirst keeps the first event of a life of which all was seen, if it is
// needed to judge others.
func (n *needs) keepFirst(o *object) {
	if (o.isParent || o.hasMoved) && o.oldest > 0 {
		n.keep(o.oldest - 1)
	}
	o.oldest, o.hasMoved = 0, false
}

// finish keeps what is only known to be needed when all was seen.
func (n *needs) finish() {
	for _, o := range n.objects {
		n.keepFirst(&o)
	}
	for _, i := range n.introduced {
		for seq := i.from; seq <= i.at; seq++ {
			n.keep(seq)
		}
	}
}

func (n *needs) keep(seq event.Seq) { n.pages.mark(seq, isNeeded) }

// vote counts a vote of a strategy. One on an event that is not there, or may
// not be dropped, has no effect.
func (n *needs) vote(strategy int, seq event.Seq, v compaction.Vote) { n.pages.vote(strategy, seq, v) }

// givenUp returns the newest values of objects that strategies which may end
// them vote to drop, where no other votes against it.
func (n *needs) givenUp(strategies []Strategy) []event.Seq {
	var values []event.Seq
	for seq, m := range n.pages.oldestFirst() {
		if !m.live() || m.young() || !m.given() {
			continue
		}
		for i, v := range m.votes() {
			if v.Drops() && strategies[i].EndsLive {
				values = append(values, seq)
				break
			}
		}
	}
	return values
}

// end takes note that the objects which had these values were ended since. What
// ended them stays, and with it all that is left of them.
func (n *needs) end(values []event.Seq) {
	for _, seq := range values {
		n.pages.unmark(seq, isLive)
	}
}

// dropSet returns what the votes give up and nobody needs, how many events are
// such but too young, and for each strategy how many values that live it wanted
// dropped. It finds forgotten.
func (n *needs) dropSet() (set storage.DropSet, young uint64, overruled []uint64) {
	overruled = make([]uint64, n.pages.strategies)
	for seq, m := range n.pages.oldestFirst() {
		if m.live() {
			for i, v := range m.votes() {
				if v.Drops() {
					overruled[i]++
				}
			}
		}
		if m.needed() || !m.spent() && !m.given() {
			continue
		}
		if m.young() {
			young++
			continue
		}
		if m.end() {
			n.forgotten = seq + 1
		}
		if last := len(set) - 1; last >= 0 && set[last].End == seq {
			set[last].End++
		} else {
			set = append(set, storage.Range{First: seq, End: seq + 1})
		}
	}
	return set, young, overruled
}

func objectOf(key []byte) objectID {
	sum := sha256.Sum256(key)
	return objectID(sum[:16])
}

// isOwn reports whether an object is one in which the server says what lives.
func isOwn(key []byte) bool {
	return string(key) == authority.LiveKey || string(key) == authority.LiveBeginKey
}
