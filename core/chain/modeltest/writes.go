package modeltest

import (
	"encoding/binary"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// write commits up to n random events of one signer.
func (m *model) write(n int) {
	m.t.Helper()
	s, first, before := m.signer(), event.Seq(len(m.leaves)), m.oracle
	introduceAt := -1 // a key that seals is in the chain once its commit is
	if m.Trust == event.Distributed && !m.known[s.id()] {
		n = min(n, 20)
		introduceAt, m.oracle = m.r.IntN(n), m.oracle.clone()
	}
	c := &commit{Commit: chain.Commit{Resent: true, ResentFrom: first}}
	m.commits++
	binary.LittleEndian.PutUint64(c.ID[:], m.commits)
	for tries := 0; c.Count < n && tries < 4*n+20; tries++ {
		h, data := m.event()
		if c.Count == introduceAt {
			h.Keys = append(h.Keys, s.key.Public().Bytes())
		}
		if m.accepts(&h, len(data) > 0, s.id()) {
			m.apply(first+event.Seq(c.Count), &h, data)
			c.add(m.chain.ID(), h, data)
		}
	}
	if c.Count <= max(introduceAt, 0) {
		m.oracle = before
		return
	}
	if m.Trust == event.Distributed {
		head := m.seen()
		c.seen = event.Seq(head.Size)
		s.seal(m.chain.ID(), c, head)
	} else {
		c.Writer.Proven = []event.Hash{s.id()}
	}
	m.deliver(c)
}

// deliver has a commit stored that is not, and the oracle learn of it.
func (m *model) deliver(c *commit) {
	m.t.Helper()
	r := m.do(c)
	if r.Err != nil || r.Next != r.First+event.Seq(c.Count) || r.First < c.ResentFrom {
		m.t.Fatalf("a commit of %d events after %d: %+v", c.Count, c.ResentFrom, r)
	}
	m.acked.Store(uint64(r.Next))
	m.said(r.First)
	if r.First != event.Seq(len(m.leaves)) {
		m.t.Fatalf("a commit is stored at %d, and the chain had %d events", r.First, len(m.leaves))
	}
	c.first = r.First
	for i, e := range c.events {
		m.apply(r.First+event.Seq(i), &e.header, e.data)
	}
	m.grow(c.leaves...)
	if m.kill != nil {
		m.kill.points, m.kill.since = append(m.kill.points, m.point()), append(m.kill.since, c)
	}
	if len(m.sent) < 50 {
		m.sent = append(m.sent, c)
	} else if m.oneIn(4) {
		m.sent[m.r.IntN(len(m.sent))] = c
	}
}

func (m *model) grow(leaves ...event.Hash) {
	m.leaves = append(m.leaves, leaves...)
	m.tree.Append(leaves...)
}

// do commits and waits for the answer.
func (m *model) do(c *commit) chain.Result {
	again := &chain.Commit{
		ID: c.ID, Writer: c.Writer, Count: c.Count, Frames: c.Frames, Evidence: c.Evidence, Resent: c.Resent, ResentFrom: c.ResentFrom,
	}
	answer := make(chan chain.Result, 1)
	again.Answer = func(_ *chain.Commit, r chain.Result) { answer <- r }
	m.chain.Commit(again)
	return <-answer
}

// resend sends a commit again. It is stored once, or not known any more.
func (m *model) resend() {
	m.t.Helper()
	if len(m.sent) == 0 {
		return
	}
	c := m.sent[m.r.IntN(len(m.sent))]
	r := m.do(c)
	if fault.Is(r.Err, fault.Expired) && c.ResentFrom < m.chain.Compactions().Dropped {
		return
	}
	if r.Err != nil || r.First != c.first || r.Next != c.first+event.Seq(c.Count) {
		m.t.Fatalf("a commit of %d events that is stored at %d, sent again: %+v", c.Count, c.first, r)
	}
}

// seen returns the head that a signer builds on: most often one that verifiers
// compute quickly.
func (m *model) seen() merkle.Head {
	size := uint64(len(m.leaves)) / merkle.BundleSize * merkle.BundleSize
	if size <= uint64(m.chain.Compactions().Dropped) || m.oneIn(20) { // after a gap, only heads beyond it will do
		return m.chain.Head()
	}
	root, err := m.tree.RootAt(m.t.Context(), size)
	if err != nil {
		m.t.Fatal(err)
	}
	return merkle.Head{Size: size, Root: root}
}

// end takes note of an object that the server ended because a strategy that may do
// so gave it up.
func (m *model) end(seq event.Seq, h *event.Header) {
	m.t.Helper()
	key := string(h.Key)
	if _, lives := m.objects[key]; !lives || m.isParent(key) {
		m.t.Fatalf("event %d ends object %q, which lives (%t) and others stand under (%t)", seq, key, lives, m.isParent(key))
	}
	m.apply(seq, h, "")
	m.ended++
}

// said takes note of what the server has said of what lives, before an event.
func (m *model) said(until event.Seq) {
	m.t.Helper()
	from := event.Seq(len(m.leaves))
	if from >= until {
		return
	}
	all, err := records(m.t.Context(), m.log, from)
	if err != nil {
		m.t.Fatal(err)
	}
	for b, err := range event.Records(all) {
		if err != nil {
			m.t.Fatal(err)
		}
		if b.First >= until {
			break
		}
		f, _, err := event.CutFrame(b.Frames)
		if err != nil {
			m.t.Fatal(err)
		}
		header, err := event.DecodeHeader(f.Header)
		ends := m.ending && header.Tombstone
		if err != nil || !isOwn(header.Key) && !ends || b.Count != 1 || b.First != event.Seq(len(m.leaves)) {
			m.t.Fatalf("event %d appeared where %d was due, of object %q: %v", b.First, len(m.leaves), header.Key, err)
		}
		m.own[b.First] = true
		if ends {
			m.end(b.First, &header)
		}
		m.grow(f.Leaf(m.chain.ID()))
	}
}

// isOwn reports whether an object is one in which the server says something.
func isOwn(key []byte) bool {
	return string(key) == authority.LiveKey || string(key) == authority.LiveBeginKey
}
