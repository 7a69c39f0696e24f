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
	_ compaction.Strategy  = (*Strategy)(nil)
	_ compaction.Scheduler = (*Strategy)(nil)
	_ plugin.Configurable  = (*Strategy)(nil)
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

// Rules implements compaction.Scheduler.
func (s *Strategy) Rules(context.Context) (compaction.Rules, error) {
	rules := compaction.Rules{Trigger: s.settings.trigger()}
	for i := range s.settings.Chains {
		c := &s.settings.Chains[i]
		rules.Chains = append(rules.Chains, compaction.ChainTrigger{Pattern: c.Pattern, Trigger: c.Settings.trigger()})
	}
	return rules, nil
}

// Plan implements compaction.Strategy. It votes to keep the newest event of
// each object, and to drop the older ones and tombstones; on the server's own
// events it insists on keeping.
//
// It keeps the key of each object while it runs.
func (s *Strategy) Plan(ctx context.Context, _ compaction.Chain, newestFirst iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	seen := make(map[string]struct{})
	for e, err := range newestFirst {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fault.New(fault.Unavailable, "the compaction was given up: %w", err)
		}
		cast(e.Seq, vote(seen, &e.Header))
	}
	return nil
}

// vote returns the vote on an event, and remembers its object.
func vote(seen map[string]struct{}, h *event.Header) compaction.Vote {
	if event.IsReserved(h.Key) {
		return compaction.ForceKeep
	}
	if _, newer := seen[string(h.Key)]; newer {
		return compaction.Drop
	}
	seen[string(h.Key)] = struct{}{}
	if h.Tombstone {
		return compaction.Drop
	}
	return compaction.Keep
}
