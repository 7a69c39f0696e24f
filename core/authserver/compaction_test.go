package authserver

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/core/compact"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

type quiet struct{}

func (quiet) Publish([]byte, event.Seq) {}

// TestEndingDoesNotWaitForACompaction has a compaction not end, whatever its
// context: the server stops all the same.
func TestEndingDoesNotWaitForACompaction(t *testing.T) {
	log := &chaintest.Log{}
	if err := chain.Create(log, event.NewGenesis("g/a", event.Centralized, nil), time.Now()); err != nil {
		t.Fatal(err)
	}
	accounts, err := chain.Open(t.Context(), "g/a", chain.Options{Log: log, Trust: event.Centralized, Publisher: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	planning, goOn := make(chan struct{}), make(chan struct{})
	plan := chaintest.Plan(func(context.Context, iter.Seq2[compaction.Event, error], func(event.Seq, compaction.Vote)) error {
		close(planning)
		<-goOn
		return nil
	})
	c := &compactor{
		scheduler: compact.New([]compaction.Rules{{Trigger: compaction.Trigger{Modified: true}}}, 1, hclog.NewNullLogger()),
		log:       hclog.NewNullLogger(), strategy: chain.Strategy{Name: "endless", Strategy: plan},
	}
	c.begin(accounts, func() uint64 { return log.State().Bytes })
	c.grown(10 << 20)
	<-planning
	ended := make(chan error, 1)
	go func() { ended <- c.end(50 * time.Millisecond) }()
	select {
	case err := <-ended:
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("ending waits for the compaction")
	}
	close(goOn)
	if err := c.end(time.Minute); err != nil {
		t.Error(err)
	}
}
