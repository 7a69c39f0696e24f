package modeltest

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
)

// compact compacts with one or two strategies while there are commits, and is
// killed now and then: what was not given up is still there.
func (m *model) compact() {
	m.t.Helper()
	votes := make(map[event.Seq]compaction.Vote)
	o := chain.Compaction{TombstoneAge: time.Duration(m.r.IntN(3)) * 10 * time.Second}
	for i := range 1 + m.r.IntN(2) {
		plans := []chaintest.Plan{chaintest.Everywhere(compaction.ForceDrop), chaintest.Superseded, anyVotes(rand.New(rand.NewPCG(m.r.Uint64(), 1)))}
		o.Strategies = append(o.Strategies, chain.Strategy{Name: fmt.Sprint("strategy ", i), Strategy: heard(plans[m.r.IntN(3)], votes)})
	}
	if m.ending = m.Trust == event.Centralized && m.oneIn(4); m.ending {
		r := rand.New(rand.NewPCG(m.r.Uint64(), 2))
		o.Strategies = append(o.Strategies, chain.Strategy{Name: "retention", Strategy: heard(someVotes(r), votes), EndsLive: true})
	}
	if m.oneIn(2) { // some of what is young will be old enough
		time.Sleep(11 * time.Second)
	}
	before := m.stored()
	if m.oneIn(3) {
		m.killed(func() { m.compactWith(o) })
	} else {
		m.compactWith(o)
	}
	after := m.stored()
	for seq := range before {
		if _, left := after[seq]; !left && !votes[seq].Drops() && !m.own[seq] {
			m.t.Fatalf("event %d was dropped by the vote %s", seq, votes[seq])
		}
	}
	m.ending = false
	m.compactions++
	m.dropped += max(0, len(before)-len(after))
	m.check()
}

// compactWith compacts, writes and follows at the same time.
func (m *model) compactWith(o chain.Compaction) {
	m.t.Helper()
	for _, f := range m.followers {
		f.before = f.next
	}
	m.compacting = true
	done := make(chan error, 1)
	target := m.chain
	go func() {
		_, err := target.Compact(m.t.Context(), o)
		done <- err
	}()
	for n := m.r.IntN(10); n > 0 && !m.ending; n-- { // else it is not known what ended before a commit
		m.write(1 + m.r.IntN(40))
		if m.kill == nil { // else what is read may never have been
			m.follow()
			if m.oneIn(20) {
				m.eraseData(m.key())
			}
		}
	}
	if err := <-done; err != nil {
		m.t.Fatal(err)
	}
	m.compacting = false
	m.said(m.chain.Next())
	m.acked.Store(uint64(m.chain.Next()))
	for _, f := range m.followers {
		f.gap = f.gap || f.before < m.chain.Compactions().Dropped
	}
}

// heard is a strategy whose votes are noted.
func heard(p chaintest.Plan, votes map[event.Seq]compaction.Vote) chaintest.Plan {
	return func(ctx context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
		return p(ctx, events, func(seq event.Seq, v compaction.Vote) {
			cast(seq, v)
			votes[seq] = votes[seq].Stronger(v)
		})
	}
}

// someVotes gives up a few events.
func someVotes(r *rand.Rand) chaintest.Plan {
	return func(_ context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
		for e, err := range events {
			if err != nil {
				return err
			}
			if r.IntN(20) == 0 {
				cast(e.Seq, compaction.ForceDrop)
			}
		}
		return nil
	}
}

// anyVotes votes as it likes, until it may have had enough.
func anyVotes(r *rand.Rand) chaintest.Plan {
	bias := compaction.Vote(r.IntN(6))
	return func(_ context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
		for e, err := range events {
			if err != nil {
				return err
			}
			cast(e.Seq, max(bias, compaction.Vote(r.IntN(5)))%5)
			if r.IntN(100_000) == 0 {
				return nil
			}
		}
		return nil
	}
}
