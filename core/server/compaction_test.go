package server

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/fanout"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

type quiet struct{}

func (quiet) Publish([]byte, event.Seq) {}

// TestFailedChainEndsItsCompaction has a chain fail while a strategy plans, which
// may take as long as it likes: the chain is closed at once, so that it can be
// opened anew.
func TestFailedChainEndsItsCompaction(t *testing.T) {
	name := chainname.Name("g/a")
	log := &chaintest.Log{}
	if err := chain.Create(log, event.NewGenesis(name, event.Centralized, nil), time.Now()); err != nil {
		t.Fatal(err)
	}
	opened, err := chain.Open(t.Context(), name, chain.Options{Log: log, Trust: event.Centralized, Publisher: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	planning := make(chan struct{})
	plan := chaintest.Plan(func(ctx context.Context, _ iter.Seq2[compaction.Event, error], _ func(event.Seq, compaction.Vote)) error {
		close(planning)
		<-ctx.Done()
		return ctx.Err()
	})
	votes := strategies{list: []chain.Strategy{{Name: "slow", Strategy: plan}}, rules: []compaction.Rules{{}}}
	r := &registry{
		log: hclog.NewNullLogger(), idleTimeout: time.Hour,
		compactor: newCompactor(votes, config.Limits{CompactionMiBPerSecond: 1, MaxCompactions: 1}, hclog.NewNullLogger()),
	}
	c := &openChain{name: name, chain: opened, feed: fanout.NewFeed(log, 1), closed: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancelCause(t.Context())
	r.chains = map[chainname.Name]*openChain{name: c}

	compacted := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { compacted <- watched{r, r.compactor, c}.Compact(ctx) }()
	<-planning
	r.failed(c, errors.New("the disk is gone"))
	select {
	case <-c.closed:
	case <-time.After(5 * time.Second):
		t.Error("the chain waits for its compaction")
	}
	cancel()
	if err := <-compacted; !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "the disk is gone") {
		t.Errorf("the compaction ended with %v", err)
	}
}
