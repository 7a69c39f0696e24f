package chain

import (
	"iter"
	"maps"
	"slices"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
)

// pageEvents is how many seqs a page has.
const pageEvents = 4096

// pages holds marks of events, by seq. It takes memory for those that are there
// alone, three bytes each and one for every strategy: most of an old chain's
// seqs were dropped long ago.
type pages struct {
	strategies int
	byNumber   map[event.Seq]*page

	used   *page     // the one that was used last
	number event.Seq // of used
}

// page is the marks of the events of pageEvents consecutive seqs.
type page struct {
	offsets []uint16 // of those that are there, newest first
	marks   []uint8  // flags and one vote of each strategy, for each
	found   int      // the one that was found last
}

// flags of an event
const (
	isNeeded uint8 = 1 << iota
	isLive
	isYoung
	isSpent
	isEnd // a tombstone
)

// marks is an event's flags and votes.
type marks []uint8

// page returns the page with a number, or nil.
func (p *pages) page(number event.Seq) *page {
	if p.used == nil || p.number != number {
		p.used, p.number = p.byNumber[number], number
	}
	return p.used
}

// add makes an event known, which comes before all that are.
func (p *pages) add(seq event.Seq) {
	number := seq / pageEvents
	at := p.page(number)
	if at == nil {
		at = &page{}
		p.byNumber[number], p.used = at, at
	}
	at.offsets = append(at.offsets, uint16(seq%pageEvents))
	at.marks = append(at.marks, make([]uint8, 1+p.strategies)...)
}

// find returns the marks of an event, or nil if it is not known.
func (p *pages) find(seq event.Seq) marks {
	at := p.page(seq / pageEvents)
	if at == nil {
		return nil
	}
	i, ok := at.index(uint16(seq % pageEvents))
	if !ok {
		return nil
	}
	return at.at(i, p.strategies)
}

// index finds an event. Mostly it is the one that was added last, the one that
// was found last, or the one after that.
func (p *page) index(offset uint16) (i int, ok bool) {
	if last := len(p.offsets) - 1; p.offsets[last] == offset {
		return last, true
	}
	for i := p.found; i < min(p.found+2, len(p.offsets)); i++ {
		if p.offsets[i] == offset {
			p.found = i
			return i, true
		}
	}
	i, ok = slices.BinarySearchFunc(p.offsets, offset, func(a, b uint16) int { return int(b) - int(a) })
	if ok {
		p.found = i
	}
	return i, ok
}

func (p *page) at(i, strategies int) marks { return p.marks[i*(1+strategies):][:1+strategies] }

func (p *pages) mark(seq event.Seq, flag uint8) {
	if m := p.find(seq); m != nil {
		m[0] |= flag
	}
}

func (p *pages) unmark(seq event.Seq, flag uint8) {
	if m := p.find(seq); m != nil {
		m[0] &^= flag
	}
}

func (p *pages) vote(strategy int, seq event.Seq, v compaction.Vote) {
	if m := p.find(seq); m != nil {
		m[1+strategy] = uint8(compaction.Vote(m[1+strategy]).Stronger(v))
	}
}

// oldestFirst yields the events and their marks.
func (p *pages) oldestFirst() iter.Seq2[event.Seq, marks] {
	return func(yield func(event.Seq, marks) bool) {
		for _, number := range slices.Sorted(maps.Keys(p.byNumber)) {
			at := p.byNumber[number]
			for i, offset := range slices.Backward(at.offsets) {
				if !yield(number*pageEvents+event.Seq(offset), at.at(i, p.strategies)) {
					return
				}
			}
		}
	}
}

func (m marks) needed() bool { return m[0]&isNeeded != 0 }

func (m marks) spent() bool { return m[0]&isSpent != 0 }

func (m marks) end() bool { return m[0]&isEnd != 0 }

func (m marks) young() bool { return m[0]&isYoung != 0 }

func (m marks) live() bool { return m[0]&isLive != 0 }

// votes yields each strategy's vote.
func (m marks) votes() iter.Seq2[int, compaction.Vote] {
	return func(yield func(int, compaction.Vote) bool) {
		for i, v := range m[1:] {
			if !yield(i, compaction.Vote(v)) {
				return
			}
		}
	}
}

// given reports whether the votes together give the event up.
func (m marks) given() bool {
	all := compaction.Silent
	for _, v := range m.votes() {
		all = all.Stronger(v)
	}
	return all.Drops()
}
