// Package modeltest holds a chain against a model: random commits, erasures,
// compactions with random votes, subscribers, kills and openings on one side, an oracle that
// never forgets anything on the other. It is for tests, and says nothing of where
// the chain's log is kept: that is a [Disk].
//
// The model compares what lives, who may write and read it, the head, the proofs,
// what a verifier says of the survivors, what a chain reads from them alone, and
// what subscribers end with, also those that were away for long.
//
// A kill leaves the disk as [Disk] says, at any change that it makes. All that
// was acknowledged has to be there when the chain is opened again, and of what
// was not, whole commits.
package modeltest

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/merkle"
)

var (
	steps = flag.Int("model.steps", 0, "how many events a model writes; 0 for 100,000, or 10,000 with the race detector")
	seed  = flag.Uint64("model.seed", 0, "of a model's random numbers; 0 for any")
)

// Name is the chain's name.
const Name = chainname.Name("example.com/joe/mydb")

// Options are what a model runs with.
type Options struct {
	Trust     event.Trust
	Disk      Disk            // empty; the model closes it
	Validator chain.Validator // in distributed trust
	// Feed, unless nil, makes what brings a chain's events to subscribers.
	Feed func(log chain.Log, next event.Seq) Feed
	// Inside, unless nil, is what only the chain's own tests see.
	Inside *Inside
}

// Inside is what is not seen of a chain from outside.
type Inside struct {
	Opened func(*chain.Chain)                  // is told of every chain
	Save   func(*chain.Chain) error            // saves its state now
	State  func(*chain.Chain) []byte           // the state that is saved, in some order
	Knows  func(*chain.Chain, event.Hash) bool // whether it knows a public key
}

// Run runs a model in a bubble of package synctest, for as many events as the
// flags say.
func Run(t *testing.T, o Options) {
	total, number := *steps, *seed
	if total == 0 {
		if total = 100_000; raceEnabled {
			total = 10_000
		}
	}
	if number == 0 {
		number = rand.Uint64()
	}
	t.Logf("to run it again: -model.seed %d -model.steps %d", number, total)
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, o, number)
		for len(m.leaves) < total {
			m.step()
		}
		m.compact()
		m.reopen()
		m.finish()
		m.leave()
		if err := m.closeDisk(m.disk); err != nil {
			t.Error(err)
		}
		t.Logf("%d events, %d dropped in %d compactions, which ended %d objects, data of %d erased; %d objects, %d openings, %d kills of which %d lost a commit, followers caught up %d times, %d of them after a gap",
			len(m.leaves), m.dropped, m.compactions, m.ended, m.erased, len(m.objects), m.openings, m.kills, m.losses, m.caughtUp, m.gaps)
		if total >= 50_000 && (m.dropped < total/10 || m.caughtUp < total/10_000) {
			t.Errorf("%d events were dropped, and subscribers caught up %d times: the test sees too little", m.dropped, m.caughtUp)
		}
	})
}

// model is a chain and its oracle.
type model struct {
	*oracle
	Options
	t       *testing.T
	r       *rand.Rand
	signers []*signer

	disk  Disk
	used  map[Disk]bool // that may be open
	log   Log
	chain *chain.Chain
	feed  Feed
	life  *life

	leaves    []event.Hash       // of all events ever
	tree      *merkle.Tree       // of them
	own       map[event.Seq]bool // those that are the server's own
	sent      []*commit          // some of those stored, to be sent again
	commits   uint64
	acked     atomic.Uint64 // the seq after the last event that was acknowledged
	kill      *kill         // that is about to happen
	followers []*follower

	compacting bool // what followers miss is not known yet
	ending     bool // a strategy may end objects

	dropped, compactions, openings, checks, kills, losses, caughtUp, gaps, ended, erased int
}

// life is from when a chain is opened to its end.
type life struct{ over atomic.Bool }

func newModel(t *testing.T, o Options, seed uint64) *model {
	m := &model{Options: o, t: t, disk: o.Disk, r: rand.New(rand.NewPCG(seed, uint64(o.Trust))), own: make(map[event.Seq]bool), used: make(map[Disk]bool)}
	var err error
	if m.signers, err = newSigners(); err != nil {
		t.Fatal(err)
	}
	owner := m.signers[0].key.Public()
	genesis := event.NewGenesis(Name, o.Trust, [][]byte{owner.Bytes()})
	m.oracle = newOracle(owner.ID())
	if o.Trust == event.Centralized && m.oneIn(5) {
		genesis, m.oracle = event.NewGenesis(Name, o.Trust, nil), newOracle() // anyone may write
	}
	if m.log, err = m.openDisk(m.disk); err == nil {
		err = chain.Create(m.log, genesis, time.Now())
	}
	if err == nil {
		err = m.log.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the bubble waits for what runs on disks
		for disk := range m.used {
			_ = disk.Close()
		}
	})
	m.open()
	if m.leaves, err = m.chain.Leaves(t.Context(), 0, 1); err != nil {
		t.Fatal(err)
	}
	m.plant()
	m.acked.Store(1)
	for range 3 {
		m.followers = append(m.followers, &follower{values: make(map[string]value)})
	}
	return m
}

func (m *model) oneIn(n int) bool { return m.r.IntN(n) == 0 }

// step does one thing.
func (m *model) step() {
	if m.oneIn(2) { // else what runs in the background may go on meanwhile
		time.Sleep(time.Duration(m.r.IntN(6000)) * time.Millisecond)
	}
	switch n := m.r.IntN(100); {
	case n < 3:
		m.compact()
	case n < 5:
		m.reopen()
	case n < 8:
		m.killed(func() { m.write(1 + m.r.IntN(100)) })
	case n < 10:
		if m.Inside != nil {
			synctest.Wait()
			if err := m.Inside.Save(m.chain); err != nil {
				m.t.Fatal(err)
			}
		}
	case n < 15:
		m.resend()
	case n < 18:
		m.erase()
	case n < 30:
		m.follow()
	case n < 75:
		m.write(400 + m.r.IntN(200))
	default:
		m.write(1 + m.r.IntN(1+m.r.IntN(40)))
	}
}

// open begins a life.
func (m *model) open() {
	m.t.Helper()
	log, err := m.openDisk(m.disk)
	if err != nil {
		m.t.Fatal(err)
	}
	life := &life{}
	trouble := func(err error) {
		if !life.over.Load() {
			m.t.Errorf("the chain reports %v", err)
		}
	}
	m.feed = Feed(reading{log})
	if m.Feed != nil {
		m.feed = m.Feed(log, log.State().Next)
	}
	opened, err := chain.Open(m.t.Context(), Name, chain.Options{
		Log: log, Publisher: m.feed, Trust: m.Trust, Validator: m.Validator, OnFail: trouble, OnProblem: trouble,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	if m.Inside != nil {
		m.Inside.Opened(opened)
	}
	m.log, m.chain, m.life = log, opened, life
	m.openings++
}

func (m *model) openDisk(disk Disk) (Log, error) {
	m.used[disk] = true
	return disk.Open()
}

func (m *model) closeDisk(disk Disk) error {
	delete(m.used, disk)
	return disk.Close()
}

// leave ends a life as a kill does: nothing is saved.
func (m *model) leave() {
	m.t.Helper()
	m.life.over.Store(true)
	ctx, cancel := context.WithCancel(m.t.Context())
	cancel()
	_ = m.chain.Close(ctx) // it is given no time
	m.hangUp()
}

// hangUp ends the use of the log.
func (m *model) hangUp() {
	m.t.Helper()
	for _, f := range m.followers {
		f.leave()
	}
	synctest.Wait() // what they read ahead
	if err := m.log.Close(); err != nil {
		m.t.Fatal(err)
	}
}

// reopen stops or kills the chain and what it is stored in, and opens it again.
func (m *model) reopen() {
	m.t.Helper()
	if m.oneIn(2) {
		m.goOnAt(m.disk.Copy())
	} else {
		if err := m.chain.Close(m.t.Context()); err != nil {
			m.t.Fatal(err)
		}
		m.hangUp()
		if err := m.closeDisk(m.disk); err != nil {
			m.t.Fatal(err)
		}
		m.open()
	}
	m.check()
}

// goOnAt leaves the chain and its disk for another one.
func (m *model) goOnAt(other Disk) {
	m.t.Helper()
	m.leave()
	_ = m.closeDisk(m.disk) // nobody will read it
	m.disk = other
	m.open()
}

// finish looks at everything once more.
func (m *model) finish() {
	m.t.Helper()
	m.checkVerified()
	m.checkProofs(uint64(m.chain.Next())/merkle.BundleSize*merkle.BundleSize, true)
	if head := m.chain.Head(); head.Root != merkle.Root(m.leaves) {
		m.t.Errorf("the head is %s, the root of all leaves %s", head, merkle.Root(m.leaves))
	}
	for _, f := range m.followers {
		for !m.read(f) {
		}
	}
}
