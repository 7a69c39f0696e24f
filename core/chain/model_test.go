package chain_test

import (
	"context"
	"testing"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/chain/modeltest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/trust"
)

// TestModel holds a chain over a log in memory against an oracle, and looks
// inside it.
func TestModel(t *testing.T) {
	for _, mode := range []event.Trust{event.Centralized, event.Distributed} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			modeltest.Run(t, modeltest.Options{
				Trust: mode, Disk: modeltest.NewMemory(), Validator: &seals{},
				Inside: &modeltest.Inside{Opened: chain.SaveOften, Save: chain.Save, State: chain.Entries, Knows: chain.Knows},
			})
		})
	}
}

// seals is a trust plugin that checks seals.
type seals struct{ keyring evidence.Keyring }

func (s *seals) ValidateBatches(_ context.Context, chain event.ChainID, batches []trust.Batch) ([]trust.Verdict, error) {
	verdicts := make([]trust.Verdict, len(batches))
	for i, b := range batches {
		seal, err := evidence.ParseSeal(b.Evidence)
		if err != nil {
			return nil, err
		}
		pub, err := s.keyring.Parse(b.Signer)
		if err == nil {
			err = seal.VerifyBatch(pub, chain, b.Leaves)
		}
		if err != nil {
			verdicts[i].Reason = err.Error()
		}
	}
	return verdicts, nil
}
