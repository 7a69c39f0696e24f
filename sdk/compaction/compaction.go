// Package compaction is the contract between the daemon and what decides which
// events of a chain are no longer needed: version 1.
//
// The daemon shows a strategy every event's header, newest first, and the
// strategy votes. Several strategies may vote on the same events: force-keep
// beats force-drop, which beats keep, which beats drop; an event without a
// vote is kept. The daemon itself protects genesis, live values, authorities
// in force and everything after the cut-off, whatever the votes say.
package compaction

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
)

// Version is the version of this contract.
const Version = 1

// Strategy decides which events are no longer needed. Its methods may be
// called at the same time by several goroutines, for different chains.
type Strategy interface {
	// Plan reads the chain's events, newest first, and casts votes. It may
	// keep state that grows with the number of objects, never with that of
	// events or the size of their data. An error ends the compaction; nothing
	// is dropped then. It must return soon after ctx is done.
	Plan(ctx context.Context, chain Chain, newestFirst iter.Seq2[Event, error], cast func(event.Seq, Vote)) error
}

// Scheduler is a Strategy that says when it wants chains compacted. The daemon
// asks once, and compacts a chain, with the votes of all strategies, when one of
// them wants it to.
type Scheduler interface {
	Rules(ctx context.Context) (Rules, error)
}

// Rules is when chains are to be compacted.
type Rules struct {
	Trigger Trigger        // for chains that no pattern names
	Chains  []ChainTrigger // for others; of several that name a chain, the longest counts
}

// ChainTrigger is a trigger for some chains.
type ChainTrigger struct {
	Pattern string // a chain's name, or its beginning and *
	Trigger Trigger
}

// Trigger is what a compaction waits for: whichever comes first of those that
// are not zero. The zero value waits for ever.
type Trigger struct {
	Factor   float64       // growth since the last one, as a share of the size after it
	Size     uint64        // growth since the last one, in bytes
	Timer    time.Duration // since the last one
	Modified bool          // any change
}

// For returns the trigger for a chain.
func (r *Rules) For(chain chainname.Name) Trigger {
	trigger, longest := r.Trigger, -1
	for i := range r.Chains {
		if n := fit(r.Chains[i].Pattern, chain.String()); n > longest {
			trigger, longest = r.Chains[i].Trigger, n
		}
	}
	return trigger
}

// fit returns how much of a chain's name a pattern says, or -1 if it is for
// others.
func fit(pattern, name string) int {
	beginning, more := strings.CutSuffix(pattern, "*")
	if strings.HasPrefix(name, beginning) && (more || beginning == name) {
		return len(beginning)
	}
	return -1
}

// Chain is what a strategy may know of a chain as a whole.
type Chain struct {
	Name   chainname.Name
	Events uint64
	Bytes  uint64
	Now    time.Time // by the server's clock
}

// Event is what a strategy sees of an event.
type Event struct {
	Seq      event.Seq
	Time     time.Time // of its commit, by the server's clock
	DataSize int       // bytes of the data, which is not shown
	Header   event.Header
	Encoded  []byte // the header as it is stored; nil where nobody has it
}

// Vote is a strategy's opinion of an event.
type Vote uint8

// The votes, weakest first. Silent is the same as no vote.
const (
	Silent Vote = iota
	Drop
	Keep
	ForceDrop
	ForceKeep
)

// Stronger returns the vote that prevails.
func (v Vote) Stronger(other Vote) Vote { return max(v, other) }

// Drops reports whether an event on which this vote prevailed is dropped.
func (v Vote) Drops() bool { return v == Drop || v == ForceDrop }

// String returns the vote's name as documents write it.
func (v Vote) String() string {
	return [...]string{"silent", "drop", "keep", "force-drop", "force-keep"}[v]
}
