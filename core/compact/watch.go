package compact

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Watch is a chain's place in the scheduler, from when it is opened until Stop.
type Watch struct {
	scheduler *Scheduler
	chain     Chain
	trigger   trigger

	grown  atomic.Uint64 // bytes since the last compaction
	due    atomic.Uint64 // how many make another one due
	queued atomic.Bool   // it waits, or is being compacted

	failures int // the worker's own: in a row

	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	stopped bool
}

// never is more than a chain grows.
const never = math.MaxUint64

// Watch begins to watch a chain.
func (s *Scheduler) Watch(chain Chain) *Watch {
	w := &Watch{scheduler: s, chain: chain, trigger: combine(s.rules, chain.Name())}
	state := chain.State()
	if state.Bytes > state.LastBytes {
		w.grown.Store(state.Bytes - state.LastBytes)
	}
	wait := w.trigger.timer
	if wait > 0 && !state.LastTime.IsZero() {
		wait = max(wait-time.Since(state.LastTime), settling)
	}
	w.rest(w.trigger.growth(state.LastBytes), wait)
	w.Grown(0)
	return w
}

// Stop ends the watch. A compaction under way goes on.
func (w *Watch) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// Grown tells that bytes of records were appended.
func (w *Watch) Grown(bytes int) {
	if w.grown.Add(uint64(bytes)) >= w.due.Load() {
		w.scheduler.enqueue(w)
	}
}

// rest has the chain wait until it has grown by due bytes or some time is over,
// which does not count if it is 0.
func (w *Watch) rest(due uint64, wait time.Duration) {
	w.due.Store(due)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	if wait > 0 && !w.stopped {
		w.timer = time.AfterFunc(wait, w.timeIsUp)
	}
}

// timeIsUp has the chain compacted if it has changed.
func (w *Watch) timeIsUp() {
	if w.grown.Load() > 0 {
		w.scheduler.enqueue(w)
	} else {
		w.rest(w.due.Load(), w.trigger.timer)
	}
}

// compact compacts the chain, and has it wait for the next time.
func (w *Watch) compact() {
	before := w.grown.Load()
	err := w.chain.Compact(w.scheduler.ctx)
	switch {
	case w.scheduler.ctx.Err() != nil:
		return
	case err != nil:
		pause := min(firstRetry<<min(w.failures, 10), lastRetry)
		w.failures++
		w.scheduler.log.Warn("a compaction failed; it is tried again", "chain", w.chain.Name(), "in", pause, "error", err)
		w.rest(never, pause)
	default:
		w.failures = 0
		w.grown.Add(-before)
		w.rest(w.trigger.growth(w.chain.State().LastBytes), w.trigger.timer)
	}
	w.queued.Store(false)
	w.Grown(0)
}
