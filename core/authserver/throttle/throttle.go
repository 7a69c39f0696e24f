// Package throttle slows down who guesses, in a fixed amount of memory.
//
// A [Limiter] gives each key, such as a name or an address, a number of
// failures at once and one more every so often: the generic cell rate algorithm
// (ITU-T I.371), which needs one time for each key. The times are kept in a few
// rows of cells; a key has one cell in each row, found by a hash that nobody
// outside can compute, and shares it with others. A key is stopped only if all
// its cells say so, as in a count-min sketch. So memory does not grow however
// many names are tried from however many addresses, nothing is forgotten for
// want of room, and a stranger is stopped along with others only when a large
// part of all cells is in use.
package throttle

import (
	"hash/maphash"
	"sync"
	"time"
)

// The size of a Limiter: 2 MiB.
const (
	rows  = 4
	cells = 1 << 16 // in a row
)

// Rate is how many failures are allowed.
type Rate struct {
	Burst int           // at once
	Every time.Duration // and then one more each time this passes
}

// Limiter limits failures by key. Its methods may be called by several
// goroutines.
type Limiter struct {
	rate Rate
	seed maphash.Seed

	mu    sync.Mutex    // guards what follows
	times [rows][]int64 // by when, in Unix nanoseconds, a cell has recovered from its failures
}

// New returns a limiter.
func New(rate Rate) *Limiter {
	l := &Limiter{rate: rate, seed: maphash.MakeSeed()}
	for row := range l.times {
		l.times[row] = make([]int64, cells)
	}
	return l
}

// Take counts an attempt as a failure in advance, so that attempts at the same
// time cannot be more than are allowed; Return takes that back. If the key has
// no more failures, nothing is counted and wait, which is positive, is how long
// it takes until it has one.
func (l *Limiter) Take(key string, now time.Time) (wait time.Duration) {
	at := l.cellsOf(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	until := int64(1<<63 - 1)
	for row, cell := range at {
		until = min(until, max(l.times[row][cell], now.UnixNano()))
	}
	full := int64(l.rate.Burst-1) * int64(l.rate.Every)
	if wait = time.Duration(until - now.UnixNano() - full); wait > 0 {
		return wait
	}
	for row, cell := range at {
		l.times[row][cell] = max(l.times[row][cell], now.UnixNano()) + int64(l.rate.Every)
	}
	return 0
}

// Return says that an attempt that was taken was none that counts.
func (l *Limiter) Return(key string) {
	at := l.cellsOf(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	for row, cell := range at {
		l.times[row][cell] -= int64(l.rate.Every)
	}
}

// cellsOf returns the key's cell in each row.
func (l *Limiter) cellsOf(key string) (at [rows]int) {
	sum := maphash.String(l.seed, key)
	for row := range at {
		at[row] = int((sum >> (16 * row)) % cells)
	}
	return at
}
