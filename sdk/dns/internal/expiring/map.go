// Package expiring keeps things for as long as they are good, and not more of
// them than it may.
package expiring

import (
	"sync"
	"time"
)

// Map holds at most its limit of values, each until its own time. Several
// goroutines may use one.
type Map[K comparable, V any] struct {
	limit int

	mu      sync.Mutex
	entries map[K]entry[V]
}

type entry[V any] struct {
	value V
	until time.Time
}

// NewMap returns an empty map of at most limit values.
func NewMap[K comparable, V any](limit int) *Map[K, V] {
	return &Map[K, V]{limit: limit, entries: make(map[K]entry[V])}
}

// Get returns the value of key if it is still good at the time now.
func (m *Map[K, V]) Get(key K, now time.Time) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	if !ok || !now.Before(e.until) {
		var none V
		return none, false
	}
	return e.value, true
}

// Put keeps value until its time is over or its place is needed for another.
func (m *Map[K, V]) Put(key K, value V, now, until time.Time) {
	if !now.Before(until) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.entries[key]; !ok && len(m.entries) >= m.limit {
		m.makeRoomLocked(now)
	}
	m.entries[key] = entry[V]{value, until}
}

// makeRoomLocked drops all that is over, or else any one.
func (m *Map[K, V]) makeRoomLocked(now time.Time) {
	for k, e := range m.entries {
		if !now.Before(e.until) {
			delete(m.entries, k)
		}
	}
	for k := range m.entries {
		if len(m.entries) < m.limit {
			return
		}
		delete(m.entries, k)
	}
}
