// Command hostile is a compaction plugin that means harm, to each chain as the
// last part of its name says:
//
//	all      it votes to drop everything, by force
//	flood    the same, several times for each event
//	endless  it votes until it is given up
//	beyond   it votes on events that there are not
//	unknown  it casts votes that there are not
//	hang     it neither votes nor ends, and does not look at its context
//	deaf     it takes no events, either
//	die      it kills itself in the middle of a plan
//	fail     it answers with an error
//
// With other chains it does nothing. Its rules are nonsense.
package main

import (
	"context"
	"iter"
	"math"
	"os"
	"syscall"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

func main() {
	plugin.Serve(plugin.Plugin{Name: "hostile", Version: "6.6.6", Compaction: strategy{}})
}

type strategy struct{}

// Rules implements compaction.Scheduler.
func (strategy) Rules(context.Context) (compaction.Rules, error) {
	return compaction.Rules{
		Trigger: compaction.Trigger{Factor: math.NaN(), Size: math.MaxUint64, Timer: time.Millisecond},
		Chains: []compaction.ChainTrigger{
			{Pattern: "*", Trigger: compaction.Trigger{Factor: -1, Timer: math.MaxInt64}},
			{Pattern: "", Trigger: compaction.Trigger{Factor: math.Inf(1), Timer: -1}},
			{Pattern: "\x00../*", Trigger: compaction.Trigger{Factor: math.MaxFloat64, Size: 1, Modified: true}},
		},
	}, nil
}

// Plan implements compaction.Strategy.
func (strategy) Plan(ctx context.Context, chain compaction.Chain, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	harm := chain.Name.DB()
	if harm == "deaf" {
		select {}
	}
	newest := event.Seq(0)
	for e, err := range events {
		if err != nil {
			return err
		}
		newest = max(newest, e.Seq)
		switch harm {
		case "all":
			cast(e.Seq, compaction.ForceDrop)
		case "flood":
			for range 10 {
				cast(e.Seq, compaction.ForceDrop)
			}
		case "unknown":
			cast(e.Seq, compaction.ForceKeep+7)
		case "die":
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		case "fail":
			return fault.New(fault.Internal, "it does not feel like it")
		}
	}
	switch harm {
	case "beyond":
		cast(newest+1, compaction.ForceDrop)
		cast(math.MaxUint64, compaction.ForceDrop)
	case "endless":
		for ctx.Err() == nil {
			cast(newest, compaction.ForceDrop)
		}
	case "hang":
		select {}
	}
	return nil
}
