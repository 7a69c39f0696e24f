// Package compact decides when chains are compacted, and how many are at once.
//
// A chain is watched while it is open. Its watch counts the bytes that are
// appended, which costs an addition and a comparison a round, and has a timer if
// the rules want one. When a trigger is reached the chain queues up; a few
// workers, which end when there is nothing to do, compact one chain after the
// other. A chain that grows on while it waits queues once.
package compact

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/compaction"
)

// Limits of the scheduler.
const (
	// minGrowth is how many bytes a chain has to have grown for a compaction to
	// be worth it.
	minGrowth = 1 << 20
	// firstRetry and lastRetry bound the wait after a compaction that failed; it
	// doubles each time.
	firstRetry = time.Minute
	lastRetry  = time.Hour
	// pause is how long a chain is left alone that was compacted, or that is
	// opened after its time.
	pause = 10 * time.Second
)

// State is how large a chain is, and was after its last compaction.
type State struct {
	Bytes     uint64    // of records, now
	LastBytes uint64    // of the records that the last compaction looked at and left for good
	LastTime  time.Time // when that ended; zero if there was none
	Changed   bool      // the chain has changed since
}

// Chain is a chain that is open.
type Chain interface {
	Name() chainname.Name
	State() State
	// Compact compacts the chain. It is called by one goroutine at a time.
	Compact(ctx context.Context) error
}

// Scheduler compacts chains when they are due. Make one with New.
type Scheduler struct {
	rules   atomic.Pointer[[]compaction.Rules]
	workers int
	log     hclog.Logger
	ctx     context.Context // ends at Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	rounds  atomic.Uint64 // of commits, to all chains

	mu    sync.Mutex // guards what follows
	queue []*Watch
	busy  int // workers
}

// New returns a scheduler that compacts a chain when one of the strategies'
// rules wants it, and at most some chains at once.
func New(rules []compaction.Rules, workers int, log hclog.Logger) *Scheduler {
	s := &Scheduler{workers: workers, log: log}
	s.rules.Store(&rules)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// SetRules has chains compacted by other rules: those that are watched from now
// on, and each that is already once its watch is told.
func (s *Scheduler) SetRules(rules []compaction.Rules) { s.rules.Store(&rules) }

// Close ends the compactions under way and starts no more.
func (s *Scheduler) Close() {
	s.mu.Lock() // who enqueues has started its worker, or starts none
	s.cancel()
	s.mu.Unlock()
	s.running.Wait()
}
