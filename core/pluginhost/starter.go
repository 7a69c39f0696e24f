package pluginhost

import "runtime"

// starter runs functions on one operating system thread, which lives until
// stop: a process that is started with a parent-death signal dies with the
// thread that started it.
type starter struct{ calls chan func() }

func newStarter() *starter {
	s := &starter{calls: make(chan func())}
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		for call := range s.calls {
			call()
		}
	}()
	return s
}

// do runs f on the thread and returns its error. It must not be called after
// stop.
func (s *starter) do(f func() error) error {
	done := make(chan error, 1)
	s.calls <- func() { done <- f() }
	return <-done
}

func (s *starter) stop() { close(s.calls) }
