package compact

import (
	"math"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

// Watch is a chain's place in the scheduler, from when it is opened until Stop.
type Watch struct {
	scheduler *Scheduler
	chain     Chain
	trigger   atomic.Pointer[trigger]

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
	w := &Watch{scheduler: s, chain: chain}
	w.RulesChanged()
	return w
}

// RulesChanged has the chain compacted by the scheduler's present rules. If they
// say the same of it as before, it goes on waiting.
func (w *Watch) RulesChanged() {
	t := combine(*w.scheduler.rules.Load(), w.chain.Name())
	if before := w.trigger.Swap(&t); before != nil && reflect.DeepEqual(*before, t) {
		return
	}
	if !w.queued.Load() { // else it is armed when it was compacted
		w.arm()
	}
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

func (w *Watch) isStopped() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopped
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
	state, trigger := w.chain.State(), w.trigger.Load()
	w.grown.Store(state.Bytes - min(state.Bytes, state.LastBytes))
	w.due.Store(trigger.growth(state.LastBytes))
	switch wait := trigger.timer; {
	case wait == 0:
		w.after(0, nil)
	case state.LastTime.IsZero():
		w.after(wait, w.timeIsUp)
	default:
		w.after(max(wait-time.Since(state.LastTime), pause), w.timeIsUp)
	}
	w.check(0)
}

// rest leaves the chain alone for a while.
func (w *Watch) rest(wait time.Duration) {
	w.due.Store(never)
	w.after(wait, w.arm)
}

// after has something done after a while, or nothing, and not what was to be done
// before.
func (w *Watch) after(wait time.Duration, do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
	if !w.stopped && do != nil {
		w.timer = time.AfterFunc(wait, do)
	}
}

// timeIsUp has the chain compacted if it has changed.
func (w *Watch) timeIsUp() {
	wait := w.trigger.Load().timer
	switch {
	case wait == 0: // the rules have just changed
	case w.chain.State().Changed:
		w.scheduler.enqueue(w)
	default:
		w.after(max(wait, pause), w.timeIsUp)
	}
}

// compact compacts the chain, and has it wait for the next time.
func (w *Watch) compact() {
	err := w.chain.Compact(w.scheduler.ctx)
	wait := pause
	switch {
	case err == nil:
		w.failures = 0
	case w.isStopped():
		w.scheduler.log.Warn("a compaction failed", "chain", w.chain.Name(), "error", err)
	case w.scheduler.ctx.Err() == nil:
		wait = min(firstRetry<<min(w.failures, 10), lastRetry)
		w.failures++
		w.scheduler.log.Warn("a compaction failed; it is tried again", "chain", w.chain.Name(), "in", wait.String(), "error", err)
	}
	w.rest(wait)
	w.queued.Store(false)
}
