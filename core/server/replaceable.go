package server

import "sync"

// replaceable holds something that may be replaced while it is in use. Its
// methods may be called by several goroutines.
type replaceable[T any] struct {
	mu  sync.Mutex // guards now
	now *lent[T]
}

// lent is a value and those who use it.
type lent[T any] struct {
	value T
	users sync.WaitGroup // no Add once it is replaced
}

func newReplaceable[T any](value T) *replaceable[T] {
	return &replaceable[T]{now: &lent[T]{value: value}}
}

// use returns the value, which is kept usable until done is called.
func (r *replaceable[T]) use() (value T, done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now
	now.users.Add(1)
	return now.value, now.users.Done
}

// replace has all who come from now on use another value. It returns what waits
// until nobody uses the former one any more.
func (r *replaceable[T]) replace(value T) (unused func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	former := r.now
	r.now = &lent[T]{value: value}
	return former.users.Wait
}
