package chain

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
)

// reader keeps a copy of what lives, by reading a piece of the log now and then.
type reader struct {
	next, asOf event.Seq
	copy       map[string]event.Seq
	begun      int  // how often
	known      bool // its place is known to compactions
}

// readers is a chain that a few readers follow.
type readers struct {
	*fixture
	r        *rand.Rand
	clock    time.Time
	live     map[string]event.Seq
	readers  []*reader
	commits  uint64
	caughtUp int
}

// TestReaders compacts a chain while readers follow it at any pace. One that heeds
// Forgotten ends with exactly the live objects, and one whose place is known to
// the compactions is never told to begin again.
func TestReaders(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := &readers{fixture: newFixture(t), r: rand.New(rand.NewPCG(seed, 0)), clock: time.Now(), live: make(map[string]event.Seq)}
	m.now = func() time.Time { return m.clock }
	for i := range 6 {
		m.readers = append(m.readers, &reader{next: 1, copy: make(map[string]event.Seq), begun: 1, known: i >= 3})
	}
	for range 6000 {
		m.clock = m.clock.Add(time.Duration(m.r.IntN(6)) * time.Second)
		switch n := m.r.IntN(20); {
		case n < 1:
			m.compact()
		case n < 8:
			m.read(m.readers[m.r.IntN(len(m.readers))])
		default:
			m.write()
		}
	}
	again := 0
	for _, r := range m.readers {
		if again += r.begun - 1; r.known && r.begun > 1 {
			t.Errorf("a reader whose place is known began again %d times", r.begun-1)
		}
	}
	t.Logf("%d events, of which %d are left; readers had all %d times, and began again %d times", m.Next(), len(m.stored()), m.caughtUp, again)
	if m.caughtUp < 100 || again < 10 {
		t.Error("the test sees too little")
	}
}

func (m *readers) write() {
	var puts []put
	for range 1 + m.r.IntN(4) {
		key := fmt.Sprint(m.r.IntN(30))
		seq := m.Next() + event.Seq(len(puts))
		if _, lives := m.live[key]; lives && m.r.IntN(2) == 0 {
			puts = append(puts, put{key, "", true})
			delete(m.live, key)
		} else {
			puts = append(puts, put{key, "value", false})
			m.live[key] = seq
		}
	}
	c := newCommit(0, puts...)
	m.commits++
	binary.LittleEndian.PutUint64(c.ID[:], m.commits)
	if r := m.do(c); r.Err != nil {
		m.t.Fatal(r.Err)
	}
}

func (m *readers) compact() {
	m.upkeep.running.Wait()
	m.save() // or else no tombstone may go
	_, err := m.Compact(m.t.Context(), Compaction{
		Strategies: []Strategy{{Name: "all", Strategy: everywhere(compaction.Drop)}}, TombstoneAge: time.Duration(m.r.IntN(100)) * time.Second,
		Passed: func() event.Seq {
			passed := m.Next()
			for _, r := range m.readers {
				if r.known {
					passed = min(passed, r.next)
				}
			}
			return passed
		},
	})
	if err != nil {
		m.t.Fatal(err)
	}
}

// read has a reader read some events, or all that there are.
func (m *readers) read(r *reader) {
	for n := m.r.IntN(2) * m.r.IntN(10); ; n-- {
		records, err := m.log.Read(m.t.Context(), nil, r.next, 1, true)
		if err != nil {
			m.t.Fatal(err)
		}
		if c := m.Compactions(); r.next < c.Forgotten && r.asOf < c.ForgottenAt {
			*r = reader{next: 1, asOf: c.ForgottenAt, copy: make(map[string]event.Seq), begun: r.begun + 1, known: r.known}
			continue
		}
		if len(records) == 0 {
			break
		}
		for b, err := range event.Records(records) {
			if err != nil {
				m.t.Fatal(err)
			}
			r.apply(m.t, &b)
		}
		if n == 1 {
			return
		}
	}
	m.caughtUp++
	if !maps.Equal(r.copy, m.live) {
		m.t.Fatalf("a reader that has read up to %d has the copy\n%v\nand these live:\n%v", r.next, r.copy, m.live)
	}
}

func (r *reader) apply(t *testing.T, b *event.Batch) {
	seq := b.First
	for f, err := range b.Events() {
		if err != nil {
			t.Fatal(err)
		}
		h, err := event.DecodeHeader(f.Header)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case seq < r.next || event.IsReserved(h.Key):
		case h.Tombstone:
			delete(r.copy, string(h.Key))
		default:
			r.copy[string(h.Key)] = seq
		}
		seq++
	}
	r.next = max(r.next, seq)
}
