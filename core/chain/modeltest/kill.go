package modeltest

import (
	"maps"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/merkle"
)

// kill is a kill that happens at some change of the disk, if so many come. The
// old life goes on, and nothing of what it does then counts.
type kill struct {
	disk  Disk   // as the kill left it; nil if there was none
	acked uint64 // what had been acknowledged then

	points []point   // the states since the kill was prepared, oldest first
	since  []*commit // stored since
}

// point is what the oracle knew when the chain had so many events.
type point struct {
	next   event.Seq
	oracle *oracle
}

func (m *model) point() point { return point{event.Seq(len(m.leaves)), m.oracle.clone()} }

// killed does something, is killed meanwhile or not, and goes on with what that
// has left.
func (m *model) killed(do func()) {
	m.t.Helper()
	at := 1 + m.r.IntN([]int{1, 3, 30, 300}[m.r.IntN(4)])
	k := &kill{points: []point{m.point()}}
	m.kill = k
	disk := m.disk
	disk.OnChange(func() {
		if at--; at == 0 {
			k.acked = m.acked.Load()
			k.disk = disk.Copy()
		}
	})
	do()
	disk.OnChange(nil)
	m.kill = nil
	if k.disk == nil {
		return
	}
	m.kills++
	m.goOnAt(k.disk)
	m.recovered(k)
}

// recovered finds out what a kill has left.
func (m *model) recovered(k *kill) {
	m.t.Helper()
	next := m.chain.Next()
	if uint64(next) < k.acked {
		m.t.Fatalf("%d events were acknowledged; after a kill there are %d", k.acked, next)
	}
	for _, f := range m.followers {
		if f.next > next {
			m.t.Fatalf("a subscriber has events up to %d; after a kill there are %d", f.next, next)
		}
	}
	last := k.points[0]
	for _, p := range k.points {
		if p.next <= next {
			last = p
		}
	}
	m.rewind(last)
	m.said(next)
	m.acked.Store(uint64(next))
	lost := slices.IndexFunc(k.since, func(c *commit) bool { return c.first >= last.next })
	if lost < 0 {
		return
	}
	m.losses++
	if c := k.since[lost]; c.seen <= next && c.ResentFrom <= next && m.oneIn(2) {
		m.deliver(c) // its client has no answer
	}
}

// rewind has the oracle forget what came after a point.
func (m *model) rewind(p point) {
	m.oracle, m.leaves = p.oracle, m.leaves[:p.next]
	maps.DeleteFunc(m.own, func(seq event.Seq, _ bool) bool { return seq >= p.next })
	m.sent = slices.DeleteFunc(m.sent, func(c *commit) bool { return c.first >= p.next })
	m.plant()
}

// plant makes the tree of the leaves.
func (m *model) plant() {
	m.tree = merkle.New(&merkle.MemoryBundles{})
	m.tree.Append(m.leaves...)
}
