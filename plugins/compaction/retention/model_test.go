package retention

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/compaction/compactiontest"
	"github.com/atedb/atedb/sdk/event"
)

// model votes as the README says, with the whole chain in view.
type model struct {
	rules []Rule
	chain compactiontest.Chain
}

func (m *model) vote(i int) compaction.Vote {
	vote := compaction.Silent
	for _, r := range m.rules {
		if !m.selects(&r, i) {
			continue
		}
		switch beyond := m.beyond(&r, i); {
		case r.Keeps && !beyond:
			vote = max(vote, compaction.ForceKeep)
		case !r.Keeps && beyond && r.DropLive:
			vote = max(vote, compaction.ForceDrop)
		case !r.Keeps && beyond && !m.live(i):
			vote = max(vote, compaction.Drop)
		}
	}
	return vote
}

func (m *model) selects(r *Rule, i int) bool {
	h := &m.chain[i].Header
	key, objects := string(h.Key), r.Objects == nil
	for _, p := range r.Objects {
		objects = objects || p.begins && strings.HasPrefix(key, p.text) || p.text == key
	}
	return objects && (r.Type == nil || *r.Type == h.Type) && !strings.HasPrefix(key, event.ReservedPrefix)
}

func (m *model) live(i int) bool {
	for _, e := range m.chain[i+1:] {
		if string(e.Header.Key) == string(m.chain[i].Header.Key) {
			return false
		}
	}
	return !m.chain[i].Header.Tombstone
}

// old reports whether an event is beyond the limit of age or of versions.
func (m *model) old(r *Rule, i int) bool {
	if r.Age > 0 && m.chain.Info().Now.Sub(m.chain[i].Time) > r.Age {
		return true
	}
	version := int64(1)
	for j := i + 1; j < len(m.chain); j++ {
		if m.selects(r, j) && string(m.chain[j].Header.Key) == string(m.chain[i].Header.Key) {
			version++
		}
	}
	return r.Versions > 0 && version > r.Versions
}

func (m *model) beyond(r *Rule, i int) bool {
	if m.old(r, i) {
		return true
	}
	tooMany := func(count func(j int) bool) bool {
		var events, bytes int64
		for j := i; j < len(m.chain); j++ {
			if m.selects(r, j) && !m.old(r, j) && count(j) {
				h := &m.chain[j].Header
				events, bytes = events+1, bytes+int64(m.chain[j].DataSize+len(h.Key)+len(h.Type))
			}
		}
		return r.Events > 0 && events > r.Events || r.Bytes > 0 && bytes > r.Bytes
	}
	if !r.DropLive {
		return tooMany(func(int) bool { return true })
	}
	if m.live(i) {
		return tooMany(m.live)
	}
	return tooMany(func(int) bool { return true })
}

func randomChain(r *rand.Rand) compactiontest.Chain {
	var c compactiontest.Chain
	late := time.Duration(0)
	for i := range r.IntN(40) {
		key := fmt.Sprint(string("ab"[r.IntN(2)]), r.IntN(5))
		if r.IntN(15) == 0 {
			key = "\x00atedb/x"
		}
		c = c.Add(key, r.IntN(6) == 0)
		c[i].DataSize = r.IntN(30)
		c[i].Header.Type = []string{"", "x", "y"}[r.IntN(3)]
		late = max(0, late-time.Duration(r.IntN(3))*time.Second/2) // some are of the same time
		c[i].Time = c[i].Time.Add(late)
		if r.IntN(5) == 0 {
			late += time.Second
		}
	}
	return c
}

func randomRules(r *rand.Rand) []Rule {
	rules := make([]Rule, 1+r.IntN(3))
	for i := range rules {
		rule := &rules[i]
		rule.Keeps = r.IntN(3) == 0
		rule.DropLive = !rule.Keeps && r.IntN(2) == 0
		if kind := r.IntN(5); kind < 3 {
			rule.Type = &[]string{"", "x", "y"}[kind]
		}
		if r.IntN(3) == 0 {
			rule.Objects = patterns{{text: "a", begins: true}, {text: "b1"}}
		}
		limits := []func(){
			func() { rule.Age = time.Duration(1+r.IntN(60)) * time.Second / 2 },
			func() { rule.Versions = int64(1 + r.IntN(3)) },
			func() { rule.Events = int64(1 + r.IntN(8)) },
			func() { rule.Bytes = int64(1 + r.IntN(150)) },
		}
		for range 1 + r.IntN(2) {
			limits[r.IntN(len(limits))]()
		}
	}
	return rules
}

// TestModel compares plans with the model, for random rules and chains.
func TestModel(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 0))
	seen := make(map[compaction.Vote]int)
	for n := range 2_000 {
		m := &model{rules: randomRules(r), chain: randomChain(r)}
		got := votes(t, &Strategy{settings: Settings{Rules: m.rules}}, m.chain)
		for i := range m.chain {
			want := m.vote(i)
			if seen[want]++; got[i] != letters[want] {
				t.Fatalf("case %d: with %+v on %+v, event %d gets %c; want %c", n, m.rules, m.chain, i, got[i], letters[want])
			}
		}
	}
	for _, v := range []compaction.Vote{compaction.Silent, compaction.Drop, compaction.ForceDrop, compaction.ForceKeep} {
		if seen[v] < 500 {
			t.Errorf("the vote %s came only %d times; the cases prove little", v, seen[v])
		}
	}
}
