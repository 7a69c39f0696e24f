// Package memory is a store that keeps chains in memory: for tests, trials and
// chains that need not outlive the process. "Durable" means no more here than
// that the process lives.
//
// A chain is its records, one after the other, as they came. An append puts
// its records at the end; a drop makes them anew. Readers get copies.
package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/storage"
)

// Store is a [storage.Store] in memory.
type Store struct {
	mu     sync.Mutex // guards what follows
	chains map[chainname.Name]*chain
}

var _ storage.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return &Store{chains: make(map[chainname.Name]*chain)} }

// Validate implements [plugin.Configurable]. There is nothing to configure.
func (s *Store) Validate(config []byte) error { return plugin.DecodeConfig(config, &struct{}{}) }

// Configure implements [plugin.Configurable].
func (s *Store) Configure(_ context.Context, setup plugin.Setup) error {
	return s.Validate(setup.Config)
}

// Open implements [storage.Store].
func (s *Store) Open(_ context.Context, name chainname.Name, create bool) (storage.Chain, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chains[name]
	switch {
	case c == nil && !create:
		return nil, fault.New(fault.NotFound, "there is no chain %q", name)
	case c == nil:
		c = &chain{store: s, name: name, blobs: make(map[string][]byte)}
		s.chains[name] = c
	case c.open:
		return nil, fault.New(fault.BadRequest, "chain %q is open already; a chain is opened once at a time", name)
	}
	c.open = true
	return &handle{chain: c}, nil
}

// Append implements [storage.Store].
func (s *Store) Append(round []storage.AppendRequest) []error {
	errs := make([]error, len(round))
	for i, request := range round {
		if h, ok := request.Chain.(*handle); !ok || h.store != s {
			errs[i] = fault.New(fault.BadRequest, "an append names a chain that this store did not open")
		} else if errs[i] = h.begin(); errs[i] == nil {
			errs[i] = h.append(request.Records)
			h.calls.RUnlock()
		}
	}
	return errs
}

// List implements [storage.Store].
func (s *Store) List(_ context.Context, after chainname.Name, limit int) ([]chainname.Name, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []chainname.Name
	for name := range s.chains {
		if name > after {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names[:min(limit, len(names))], nil
}

// Remove implements [storage.Store].
func (s *Store) Remove(_ context.Context, name chainname.Name) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chains[name]
	if c == nil {
		return fault.New(fault.NotFound, "there is no chain %q", name)
	}
	if c.open {
		return fault.New(fault.BadRequest, "chain %q is open; close it before it is removed", name)
	}
	delete(s.chains, name)
	return nil
}

// Stats implements [storage.Store].
func (s *Store) Stats(context.Context) (storage.Stats, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := storage.Stats{Chains: uint64(len(s.chains))}
	for _, c := range s.chains {
		if c.open {
			stats.OpenChains++
		}
		stats.Bytes += c.memory()
	}
	return stats, nil
}

// handle is an open chain: what Open returns.
type handle struct {
	*chain
	calls  sync.RWMutex // held for reading while a call is under way
	closed bool         // guarded by calls
}

// begin lets a call on the chain proceed, which ends by calls.RUnlock.
func (h *handle) begin() error {
	h.calls.RLock()
	if !h.closed {
		return nil
	}
	h.calls.RUnlock()
	return fault.New(fault.BadRequest, "chain %q has been closed", h.name)
}

// Close implements [storage.Chain].
func (h *handle) Close() error {
	h.calls.Lock()
	defer h.calls.Unlock()
	if !h.closed {
		h.closed = true
		h.store.mu.Lock()
		h.open = false
		h.store.mu.Unlock()
	}
	return nil
}
