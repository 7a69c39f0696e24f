package compact

// enqueue has a chain compacted when it is its turn.
func (s *Scheduler) enqueue(w *Watch) {
	if !w.queued.CompareAndSwap(false, true) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	s.queue = append(s.queue, w)
	if s.busy < s.workers {
		s.busy++
		s.running.Go(s.work)
	}
}

// work compacts chains until none is due.
func (s *Scheduler) work() {
	for {
		w := s.take()
		if w == nil {
			return
		}
		w.compact()
	}
}

func (s *Scheduler) take() *Watch {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 || s.ctx.Err() != nil {
		s.busy--
		s.queue = nil
		return nil
	}
	w := s.queue[0]
	s.queue = s.queue[1:]
	return w
}
