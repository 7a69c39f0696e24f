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
//
// Time is that of the monotonic clock, which time.Now reads along: setting the
// machine's clock neither frees nor stops anybody. Where times have no monotonic
// reading and go back, nobody waits longer than for one failure.
package throttle

import (
	"hash/maphash"
	"math"
	"slices"
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

	mu    sync.Mutex // guards what follows
	clock clock
	times [rows][]time.Duration // by when a cell has recovered from its failures
}

// clock tells the time since it was first asked. The zero value has not been.
type clock struct{ start time.Time }

func (c *clock) at(now time.Time) time.Duration {
	if c.start.IsZero() {
		c.start = now
	}
	return now.Sub(c.start)
}

// never is when what never failed has recovered.
const never = time.Duration(math.MinInt64)

// New returns a limiter.
func New(rate Rate) *Limiter {
	l := &Limiter{rate: rate, seed: maphash.MakeSeed()}
	for row := range l.times {
		l.times[row] = slices.Repeat([]time.Duration{never}, cells)
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
	present, burst := l.clock.at(now), time.Duration(l.rate.Burst)*l.rate.Every
	until := present + burst
	for row, cell := range at {
		// More than the burst is of many keys, or of a time that went back.
		l.times[row][cell] = min(l.times[row][cell], present+burst)
		until = min(until, max(l.times[row][cell], present))
	}
	if wait = until - present - (burst - l.rate.Every); wait > 0 {
		return wait
	}
	for row, cell := range at {
		l.times[row][cell] = max(l.times[row][cell], present) + l.rate.Every
	}
	return 0
}

// Return says that an attempt that was taken was none that counts.
func (l *Limiter) Return(key string) {
	at := l.cellsOf(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	for row, cell := range at {
		l.times[row][cell] -= l.rate.Every
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
