package chain

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/storage"
)

// plan is a strategy made of a function.
type plan func(ctx context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error

func (p plan) Plan(ctx context.Context, _ compaction.Chain, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	return p(ctx, events, cast)
}

// everywhere casts one vote on all events.
func everywhere(v compaction.Vote) plan {
	return func(_ context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
		for e, err := range events {
			if err != nil {
				return err
			}
			cast(e.Seq, v)
		}
		return nil
	}
}

// superseded votes as a plain strategy does: what has a newer version is to be
// dropped, and so are tombstones.
func superseded(_ context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	seen := make(map[string]bool)
	for e, err := range events {
		if err != nil {
			return err
		}
		if seen[string(e.Header.Key)] || e.Header.Tombstone {
			cast(e.Seq, compaction.Drop)
		}
		seen[string(e.Header.Key)] = true
	}
	return nil
}

// anyVotes votes as it likes, until it may have had enough.
func (m *model) anyVotes(_ context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	bias := compaction.Vote(m.r.IntN(6))
	for e, err := range events {
		if err != nil {
			return err
		}
		cast(e.Seq, max(bias, compaction.Vote(m.r.IntN(5)))%5)
		if m.oneIn(100_000) {
			return nil
		}
	}
	return nil
}

// heard is a strategy whose votes are noted, and during which there are commits.
func (m *model) heard(p plan, votes map[event.Seq]compaction.Vote) plan {
	return func(ctx context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
		return p(ctx, func(yield func(compaction.Event, error) bool) {
			for e, err := range events {
				if m.oneIn(20_000) {
					m.write(1 + m.r.IntN(20))
				}
				if !yield(e, err) {
					return
				}
			}
		}, func(seq event.Seq, v compaction.Vote) {
			cast(seq, v)
			votes[seq] = votes[seq].Stronger(v)
		})
	}
}

// compact compacts with one or two strategies, and is killed now and then: what
// was not given up is still there.
func (m *model) compact() {
	m.t.Helper()
	votes := make(map[event.Seq]compaction.Vote)
	o := Compaction{TombstoneAge: time.Duration(m.r.IntN(3)) * 10 * time.Second}
	for i := range 1 + m.r.IntN(2) {
		p := []plan{everywhere(compaction.ForceDrop), superseded, m.anyVotes}[m.r.IntN(3)]
		o.Strategies = append(o.Strategies, Strategy{Name: fmt.Sprint("strategy ", i), Strategy: m.heard(p, votes)})
	}
	if m.oneIn(2) { // some of what is young will be old enough
		m.clock = m.clock.Add(youngest)
	}
	var killed *chaintest.Log
	at := m.r.IntN(8)
	kill := func() {
		if at--; at == -1 {
			killed = m.log.Copy()
		}
	}
	m.upkeep.running.Wait()
	m.log.OnPutBlob = func(_ context.Context, name string, _ []byte) (bool, error) {
		if name == compactionsBlob {
			kill()
		}
		return true, nil
	}
	m.log.OnDrop = func(storage.DropSet) (bool, error) { kill(); return true, nil }
	before := m.stored()
	if _, err := m.Compact(m.t.Context(), o); err != nil {
		m.t.Fatal(err)
	}
	m.upkeep.running.Wait()
	m.log.OnPutBlob, m.log.OnDrop = nil, nil
	if killed != nil {
		m.log = killed
		m.open()
		m.opened()
	}
	m.said()
	after := m.stored()
	for seq := range before {
		if _, left := after[seq]; !left && !votes[seq].Drops() && !m.own[seq] {
			m.t.Fatalf("event %d was dropped by the vote %s", seq, votes[seq])
		}
	}
	m.compactions++
	m.dropped += max(0, len(before)-len(after))
	m.check()
}

// reopen closes or kills the chain, and opens it from what is stored, with its
// newest snapshot or without any.
func (m *model) reopen() {
	m.t.Helper()
	if m.oneIn(2) {
		if err := m.Close(m.t.Context()); err != nil {
			m.t.Fatal(err)
		}
	}
	m.log = m.log.Copy()
	if m.oneIn(2) {
		m.forgetSnapshot(m.log)
	}
	m.open()
	m.opened()
	m.check()
}

func (m *model) forgetSnapshot(log *chaintest.Log) {
	for name := range strings.FieldsSeq(snapshots(log)) {
		if err := log.PutBlob(m.t.Context(), name, nil); err != nil {
			m.t.Fatal(err)
		}
	}
}

// lose has a commit lost that was under way when the chain was killed.
func (m *model) lose() {
	m.t.Helper()
	log, truth, leaves, sent := m.log.Copy(), m.oracle.clone(), len(m.leaves), slices.Clone(m.sent)
	m.write(1 + m.r.IntN(100))
	m.log, m.oracle, m.leaves, m.sent = log, truth, m.leaves[:leaves], sent
	m.open()
	m.opened()
}

// resend sends a commit again. It is stored once, or not known any more.
func (m *model) resend() {
	m.t.Helper()
	if len(m.sent) == 0 {
		return
	}
	old := m.sent[m.r.IntN(len(m.sent))]
	r := m.do(&Commit{ID: old.ID, Writer: old.Writer, Count: old.Count, Frames: old.Frames, Evidence: old.Evidence, Resent: true, ResentFrom: old.ResentFrom})
	if fault.Is(r.Err, fault.Expired) && old.ResentFrom < m.Compactions().Dropped {
		return
	}
	m.want(r, old.ResentFrom, old.ResentFrom+event.Seq(old.Count))
}

// said takes note of what the server has said of what lives.
func (m *model) said() {
	m.t.Helper()
	for b, err := range event.Records(m.log.Records()) {
		if err != nil {
			m.t.Fatal(err)
		}
		if b.First < event.Seq(len(m.leaves)) {
			continue
		}
		f, _, err := event.CutFrame(b.Frames)
		if err != nil {
			m.t.Fatal(err)
		}
		header, err := event.DecodeHeader(f.Header)
		if err != nil || !isOwn(header.Key) || b.Count != 1 {
			m.t.Fatalf("event %d appeared, of object %q: %v", b.First, header.Key, err)
		}
		m.own[b.First] = true
		m.leaves = append(m.leaves, f.Leaf(m.ID()))
	}
}
