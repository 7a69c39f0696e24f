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
	w.arm()
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

// Grown tells that bytes of records were appended, by one round.
func (w *Watch) Grown(bytes int) {
	w.scheduler.rounds.Add(1)
	w.check(bytes)
}

// check has the chain compacted if it has grown enough.
func (w *Watch) check(bytes int) {
	if w.grown.Add(uint64(bytes)) >= w.due.Load() {
		w.scheduler.enqueue(w)
	}
}

// arm has the chain compacted when a trigger is reached, which may be at once.
func (w *Watch) arm() {
	state := w.chain.State()
	w.grown.Store(state.Bytes - min(state.Bytes, state.LastBytes))
	w.due.Store(w.trigger.growth(state.LastBytes))
	if wait := w.trigger.timer; wait > 0 {
		if !state.LastTime.IsZero() {
			wait = max(wait-time.Since(state.LastTime), pause)
		}
		w.after(wait, w.timeIsUp)
	}
	w.check(0)
}

// rest leaves the chain alone for a while.
func (w *Watch) rest(wait time.Duration) {
	w.due.Store(never)
	w.after(wait, w.arm)
}

// after has something done after a while, and not what was to be done before.
func (w *Watch) after(wait time.Duration, do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
	if !w.stopped {
		w.timer = time.AfterFunc(wait, do)
	}
}

// timeIsUp has the chain compacted if it has changed.
func (w *Watch) timeIsUp() {
	if w.chain.State().Changed {
		w.scheduler.enqueue(w)
	} else {
		w.after(max(w.trigger.timer, pause), w.timeIsUp)
	}
}

// compact compacts the chain, and has it wait for the next time.
func (w *Watch) compact() {
	err := w.chain.Compact(w.scheduler.ctx)
	wait := pause
	if err == nil {
		w.failures = 0
	} else if w.scheduler.ctx.Err() == nil {
		wait = min(firstRetry<<min(w.failures, 10), lastRetry)
		w.failures++
		w.scheduler.log.Warn("a compaction failed; it is tried again", "chain", w.chain.Name(), "in", wait, "error", err)
	}
	w.rest(wait)
	w.queued.Store(false)
}
