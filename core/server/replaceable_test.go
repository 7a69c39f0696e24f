package server

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestReplaceable has many use a value that is replaced again and again: once it is
// unused, nobody has it, and nobody gets it any more.
func TestReplaceable(t *testing.T) {
	type thing struct{ gone atomic.Bool }
	r := newReplaceable(new(thing))
	first, done := r.use()
	unused := r.replace(new(thing))
	if second, done := r.use(); second == first {
		t.Error("what was replaced is used on")
	} else {
		done()
	}
	waited := make(chan struct{})
	go func() {
		unused()
		close(waited)
	}()
	select {
	case <-waited:
		t.Error("it is called unused by one who has it")
	default:
	}
	done()
	<-waited

	stop := make(chan struct{})
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				now, done := r.use()
				if now.gone.Load() {
					t.Error("a value that is unused is used")
				}
				done()
			}
		})
	}
	for range 1000 {
		now, done := r.use()
		done()
		r.replace(new(thing))()
		now.gone.Store(true)
	}
	close(stop)
	users.Wait()
}
