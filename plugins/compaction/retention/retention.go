// Package retention is the compaction plugin that keeps and drops events by
// age, number and size, for chains, types, labels and objects that its rules
// select. It votes to drop values that live only for a rule with drop_live.
package retention

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

// New returns the plugin without rules, which is silent on every event.
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

// Rules implements compaction.Scheduler. The timer is for the chains that a
// rule drops something of; the others need no compaction for this plugin's sake.
func (s *Strategy) Rules(context.Context) (compaction.Rules, error) {
	trigger := compaction.Trigger{Timer: s.settings.Timer}
	var rules compaction.Rules
	named := make(map[string]bool)
	for i := range s.settings.Rules {
		r := &s.settings.Rules[i]
		if r.Keeps {
			continue
		}
		if r.Chains == nil {
			return compaction.Rules{Trigger: trigger}, nil
		}
		for _, p := range r.Chains {
			if text := p.String(); !named[text] {
				named[text] = true
				rules.Chains = append(rules.Chains, compaction.ChainTrigger{Pattern: text, Trigger: trigger})
			}
		}
	}
	return rules, nil
}

// Plan implements compaction.Strategy. It ends without the events that no rule
// for the chain needs to see.
func (s *Strategy) Plan(ctx context.Context, chain compaction.Chain, newestFirst iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	p := newPass(s.settings.Rules, chain)
	if p.over() {
		return nil
	}
	for e, err := range newestFirst {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fault.New(fault.Unavailable, "the compaction was given up: %w", err)
		}
		if vote := p.vote(&e); vote != compaction.Silent {
			cast(e.Seq, vote)
		}
		if p.over() {
			return nil
		}
	}
	return nil
}
