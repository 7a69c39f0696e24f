package client

// window is the commits that have no answer yet, within the server's limits,
// and those who wait for room. Client.mu guards it.
type window struct {
	maxCommits, maxBytes int
	commits, bytes       int        // taken
	unanswered           []*Pending // in the order of sending
	waiting              []*waiter  // first come, first served
}

// waiter waits for room for one commit; ready is closed once it has it.
type waiter struct {
	size  int
	ready chan struct{}
}

// limit sets the server's limits and lets in who fits now. A window that is
// over a lower limit stays so until answers come.
func (w *window) limit(commits, bytes int) {
	w.maxCommits, w.maxBytes = max(commits, 1), bytes
	w.letIn()
}

// take takes room for one commit, unless others wait or there is none. A
// commit over the limit goes alone.
func (w *window) take(size int) bool {
	if len(w.waiting) > 0 || !w.fits(size) {
		return false
	}
	w.commits++
	w.bytes += size
	return true
}

func (w *window) fits(size int) bool {
	return w.commits == 0 || w.commits < w.maxCommits && w.bytes+size <= w.maxBytes
}

func (w *window) wait(size int) *waiter {
	waiter := &waiter{size: size, ready: make(chan struct{})}
	w.waiting = append(w.waiting, waiter)
	return waiter
}

// abandon takes back a wait, or the room that it got meanwhile.
func (w *window) abandon(gone *waiter) {
	for i, waiter := range w.waiting {
		if waiter == gone {
			w.waiting = append(w.waiting[:i], w.waiting[i+1:]...)
			w.letIn()
			return
		}
	}
	w.release(gone.size)
}

// oldest returns the commit that the next answer is for, nil if there is none.
func (w *window) oldest() *Pending {
	if len(w.unanswered) == 0 {
		return nil
	}
	return w.unanswered[0]
}

// pop removes the oldest commit, which takes size bytes.
func (w *window) pop(size int) {
	w.unanswered[0] = nil
	w.unanswered = w.unanswered[1:]
	w.release(size)
}

func (w *window) release(size int) {
	w.commits--
	w.bytes -= size
	w.letIn()
}

func (w *window) letIn() {
	for len(w.waiting) > 0 && w.fits(w.waiting[0].size) {
		first := w.waiting[0]
		w.waiting = w.waiting[1:]
		w.commits++
		w.bytes += first.size
		close(first.ready)
	}
}

// drain removes and returns all unanswered commits.
func (w *window) drain() []*Pending {
	all := w.unanswered
	w.unanswered = nil
	return all
}
