// Package standard is the compaction plugin that keeps what a chain's objects
// are now and drops what they were.
package standard

import (
	"context"
	"iter"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// Strategy is the plugin. Make one with New.
type Strategy struct {
	settings Settings // set by Configure, before any plan
}

var (
	_ compaction.Strategy = (*Strategy)(nil)
	_ plugin.Configurable = (*Strategy)(nil)
)

// New returns the plugin with the default settings.
func New() *Strategy { return &Strategy{settings: defaults()} }

// Validate implements plugin.Configurable.
func (s *Strategy) Validate(config []byte) error {
	_, err := parseSettings(config)
	return err
}

// Configure implements plugin.Configurable.
func (s *Strategy) Configure(_ context.Context, setup plugin.Setup) (err error) {
	s.settings, err = parseSettings(setup.Config)
	return err
}

// Plan implements compaction.Strategy. It votes to keep the newest event of
// each object, a tombstone too, and to drop the older ones; on the server's own
// events it insists. In mode never it votes on nothing.
//
// It keeps the key of each object while it runs.
func (s *Strategy) Plan(ctx context.Context, _ compaction.Chain, newestFirst iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	if s.settings.Mode == Never {
		return nil
	}
	seen := make(map[string]struct{})
	for e, err := range newestFirst {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fault.New(fault.Unavailable, "the compaction was given up: %w", err)
		}
		cast(e.Seq, vote(seen, e.Header.Key))
	}
	return nil
}

// vote returns the vote on an event of the object, and remembers the object.
func vote(seen map[string]struct{}, key []byte) compaction.Vote {
	if event.IsReserved(key) {
		return compaction.ForceKeep
	}
	if _, newer := seen[string(key)]; newer {
		return compaction.Drop
	}
	seen[string(key)] = struct{}{}
	return compaction.Keep
}
