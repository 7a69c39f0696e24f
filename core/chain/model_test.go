package chain

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

var (
	modelSteps = flag.Int("model.steps", 0, "how many events TestModel writes in each mode of trust; 0 for 100,000, or 12,000 with the race detector")
	modelSeed  = flag.Uint64("model.seed", 0, "of TestModel's random numbers; 0 for any")
)

// Sizes of the model.
const (
	modelKeys    = 60  // key pairs
	modelObjects = 500 // keys of objects
)

// TestModel commits random events, compacts with random votes, saves, closes,
// kills and opens again, and holds the chain against an oracle that never forgets
// anything: what lives, who may write and read it, the head, the proofs, what a
// verifier says of the survivors, and what a chain reads from them alone.
func TestModel(t *testing.T) {
	steps, seed := *modelSteps, *modelSeed
	if steps == 0 {
		if steps = 100_000; raceEnabled {
			steps = 12_000
		}
	}
	if seed == 0 {
		seed = rand.Uint64()
	}
	for _, mode := range []event.Trust{event.Centralized, event.Distributed} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			t.Logf("to run it again: -run TestModel/%s -model.seed %d -model.steps %d", mode, seed, steps)
			m := newModel(t, mode, seed)
			for len(m.leaves) < steps {
				m.step()
			}
			m.compact()
			m.reopen()
			m.checkVerified()
			m.checkProofs(uint64(m.Next())/merkle.BundleSize*merkle.BundleSize, true)
			m.t.Logf("%d events, %d dropped in %d compactions, %d objects, %d openings", len(m.leaves), m.dropped, m.compactions, len(m.objects), m.openings)
			if steps >= 50_000 && m.dropped < steps/3 {
				t.Errorf("%d events were dropped: the test sees too little", m.dropped)
			}
		})
	}
}

// model is a chain and its oracle.
type model struct {
	*fixture
	*oracle
	r       *rand.Rand
	clock   time.Time
	signers []*signer
	leaves  []event.Hash       // of all events ever
	own     map[event.Seq]bool // those that are the server's own
	sent    []*Commit          // some of them, to be sent again
	commits uint64

	dropped, compactions, openings, checks int
}

func newModel(t *testing.T, mode event.Trust, seed uint64) *model {
	m := &model{
		fixture: &fixture{t: t, log: &chaintest.Log{}, trust: mode, validator: &validator{}},
		r:       rand.New(rand.NewPCG(seed, uint64(mode))), clock: time.Now(),
	}
	for i := range modelKeys {
		key, err := keys.SigningKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, keys.SigningSeedSize))
		if err != nil {
			t.Fatal(err)
		}
		m.signers = append(m.signers, &signer{key: key, writer: [16]byte{byte(i)}})
	}
	owner := m.signers[0].key.Public()
	if mode == event.Centralized && m.r.IntN(5) == 0 {
		m.create()
		m.oracle = newOracle() // anyone may write
	} else {
		m.create(owner.Bytes())
		m.oracle = newOracle(owner.ID())
	}
	m.leaves, m.own = m.fixture.leaves(), make(map[event.Seq]bool)
	m.opened()
	return m
}

func (m *model) oneIn(n int) bool { return m.r.IntN(n) == 0 }

// opened gives a chain that was opened the model's clock.
func (m *model) opened() {
	m.now = func() time.Time { return m.clock }
	m.upkeep.every, m.upkeep.part = 20_000, 100_000
	m.openings++
}

// step does one thing.
func (m *model) step() {
	m.clock = m.clock.Add(time.Duration(m.r.IntN(3000)) * time.Millisecond)
	switch n := m.r.IntN(100); {
	case n < 3:
		m.compact()
	case n < 5:
		m.reopen()
	case n < 6:
		m.lose()
	case n < 9:
		m.upkeep.running.Wait()
		m.save()
	case n < 15:
		m.resend()
	case n < 70:
		m.write(400 + m.r.IntN(200))
	default:
		m.write(1 + m.r.IntN(40))
	}
}

// write commits up to n random events of one signer.
func (m *model) write(n int) {
	m.t.Helper()
	s, first, before := m.signer(), event.Seq(len(m.leaves)), m.oracle
	introduceAt := -1 // a key that seals is in the chain once its commit is
	if m.trust == event.Distributed && !m.known[s.key.Public().ID()] {
		n = min(n, 20)
		introduceAt, m.oracle = m.r.IntN(n), m.oracle.clone()
	}
	c := &Commit{Resent: true, ResentFrom: first}
	m.commits++
	binary.LittleEndian.PutUint64(c.ID[:], m.commits)
	for tries := 0; c.Count < n && tries < 4*n+20; tries++ {
		h, data := m.event()
		if c.Count == introduceAt {
			h.Keys = append(h.Keys, s.key.Public().Bytes())
		}
		if m.accepts(&h, len(data) > 0, s.key.Public().ID()) {
			m.apply(first+event.Seq(c.Count), &h, data)
			c.add(&h, data)
		}
	}
	if c.Count <= max(introduceAt, 0) {
		m.oracle = before
		return
	}
	if m.trust == event.Distributed {
		s.seal(m.fixture, m.seen(), c)
	} else {
		c.Writer.Proven = []event.Hash{s.key.Public().ID()}
	}
	r := m.do(c)
	m.want(r, first, first+event.Seq(c.Count))
	m.leaves = append(m.leaves, c.leaves...)
	if len(m.sent) < 50 {
		m.sent = append(m.sent, c)
	} else if m.oneIn(4) {
		m.sent[m.r.IntN(len(m.sent))] = c
	}
}

// seen returns the head that a signer builds on: most often one that verifiers
// compute quickly.
func (m *model) seen() merkle.Head {
	size := uint64(m.Next()) / merkle.BundleSize * merkle.BundleSize
	if size <= uint64(m.Compactions().Dropped) || m.oneIn(20) { // after a gap, only heads beyond it will do
		return m.Head()
	}
	root, err := m.merkle.RootAt(m.t.Context(), size)
	if err != nil {
		m.t.Fatal(err)
	}
	return merkle.Head{Size: size, Root: root}
}

func (c *Commit) add(h *event.Header, data string) {
	header, err := h.Encode()
	if err != nil {
		panic(err)
	}
	c.Frames = event.AppendFrame(c.Frames, header, []byte(data))
	c.Count++
}

// signer picks who commits, more often than not one who may write at the top.
func (m *model) signer() *signer {
	if m.root.Kind != event.WriteAnyOf || m.oneIn(5) {
		return m.signers[m.r.IntN(len(m.signers))]
	}
	id := m.root.Keys[m.r.IntN(len(m.root.Keys))]
	return m.signers[slices.IndexFunc(m.signers, func(s *signer) bool { return s.key.Public().ID() == id })]
}

// event makes up an event. Its data is encrypted as it has to be.
func (m *model) event() (h event.Header, data string) {
	h.Key = []byte(m.key())
	if data = ""; !m.oneIn(8) {
		data = fmt.Sprint("value ", m.r.Uint32())
	}
	switch n := m.r.IntN(100); {
	case n < 6:
		h.Tombstone = true
		return h, ""
	case n < 9:
		h.Parent.Key = []byte(m.key())
	case n < 10:
		h.Parent.Top = true
	case n < 11:
		h.Write = m.writeAuthority()
	case n < 12:
		h.Read = m.readAuthority()
	case n < 13: // all at once
		h.Parent.Key, h.Write, h.Read = []byte(m.key()), m.writeAuthority(), m.readAuthority()
	case n < 14:
		h.Keys = [][]byte{m.anyone().key.Public().Bytes()}
	case m.oneIn(300):
		root := event.Header{Key: []byte(authority.RootKey), Write: m.anyOf()}
		for _, s := range m.signers[:4] {
			if slices.Contains(root.Write.Keys, s.key.Public().ID()) {
				root.Keys = append(root.Keys, s.key.Public().Bytes())
			}
		}
		return root, ""
	}
	if read := m.readersAfter(applied(m.objects[string(h.Key)], &h)); read.Kind == event.ReadByKey {
		h.Encryption = event.Encryption{Key: read.Key, Generation: read.Generation}
	}
	return h, data
}

func (m *model) key() string { return fmt.Sprint("object ", m.r.IntN(modelObjects)) }

func (m *model) anyone() *signer { return m.signers[m.r.IntN(len(m.signers))] }

// anyOf is the authority of a few keys, of which one writes most of the time.
func (m *model) anyOf() event.WriteAuthority {
	w := event.WriteAuthority{Kind: event.WriteAnyOf, Keys: []event.Hash{m.signers[m.r.IntN(4)].key.Public().ID()}}
	for range m.r.IntN(3) {
		w.Keys = append(w.Keys, m.anyone().key.Public().ID())
	}
	return w
}

func (m *model) writeAuthority() event.WriteAuthority {
	switch m.r.IntN(8) {
	case 0:
		return event.WriteAuthority{Kind: event.WriteEveryone}
	case 1:
		return event.WriteAuthority{Kind: event.WriteNobody}
	case 2, 3:
		return event.WriteAuthority{Kind: event.WriteInherit}
	}
	return m.anyOf()
}

func (m *model) readAuthority() event.ReadAuthority {
	switch m.r.IntN(4) {
	case 0:
		return event.ReadAuthority{Kind: event.ReadEveryone}
	case 1:
		return event.ReadAuthority{Kind: event.ReadInherit}
	}
	return event.ReadAuthority{Kind: event.ReadByKey, Key: event.Hash{byte(1 + m.r.IntN(2))}, Generation: uint32(m.r.IntN(3))}
}
