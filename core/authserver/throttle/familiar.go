package throttle

import (
	"hash/maphash"
	"sync"
	"time"
)

// familiars is how many keys a Familiar remembers.
const familiars = 1 << 16

// Familiar remembers keys for a while, in 1 MiB: a later key may take an
// earlier one's place. Its methods may be called by several goroutines.
type Familiar struct {
	keep time.Duration
	seed maphash.Seed

	mu    sync.Mutex // guards what follows
	clock clock
	slots []remembered
}

type remembered struct {
	sum   uint64
	until time.Duration
}

// NewFamiliar returns one that remembers keys for as long as keep.
func NewFamiliar(keep time.Duration) *Familiar {
	return &Familiar{keep: keep, seed: maphash.MakeSeed(), slots: make([]remembered, familiars)}
}

// Add remembers a key.
func (f *Familiar) Add(key string, now time.Time) {
	sum := maphash.String(f.seed, key)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.slots[sum%familiars] = remembered{sum, f.clock.at(now) + f.keep}
}

// Knows reports whether a key is remembered.
func (f *Familiar) Knows(key string, now time.Time) bool {
	sum := maphash.String(f.seed, key)
	f.mu.Lock()
	defer f.mu.Unlock()
	slot := f.slots[sum%familiars]
	return slot.sum == sum && f.clock.at(now) < slot.until
}
