// Package distributed is the trust plugin for chains whose every batch carries a
// seal, with which each reader can check by itself who wrote it.
package distributed

import (
	"context"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/trust"
)

// Validator is the plugin. It has no configuration, and remembers nothing but
// parsed keys.
type Validator struct{ keys evidence.Keyring }

var _ trust.Validator = (*Validator)(nil)

// New returns the plugin.
func New() *Validator { return &Validator{} }

// Rules implements trust.Validator.
func (*Validator) Rules(context.Context) (trust.Rules, error) {
	return trust.Rules{PerBatch: true}, nil
}

// VerifyProof refuses with code not_supported. A proof would convince the server
// alone, and in distributed trust nothing may depend on what only the server
// knows.
func (*Validator) VerifyProof(context.Context, trust.Proof) error {
	return fault.New(fault.Unsupported, "a chain with distributed trust takes no proofs of owning a key; seal each batch with the key that writes it")
}

// ValidateBatches implements trust.Validator: the evidence is a seal of package
// evidence. Several batches are checked at the same time.
func (v *Validator) ValidateBatches(ctx context.Context, chain event.ChainID, batches []trust.Batch) ([]trust.Verdict, error) {
	verdicts := make([]trust.Verdict, len(batches))
	parallel(ctx, len(batches), func(i int) {
		if err := v.validate(chain, &batches[i]); err != nil {
			verdicts[i].Reason = fault.From(err).Reason
		}
	})
	if err := ctx.Err(); err != nil { // then some may not have been checked
		return nil, fault.New(fault.Unavailable, "checking the seals of %d batches was given up: %w", len(batches), err)
	}
	return verdicts, nil
}

func (v *Validator) validate(chain event.ChainID, b *trust.Batch) error {
	seal, err := evidence.ParseSeal(b.Evidence)
	if err != nil {
		return err
	}
	if err := seal.CheckPlace(b.First); err != nil {
		return err
	}
	key, err := v.keys.Parse(b.Signer)
	if err != nil {
		return fault.New(fault.BadSeal, "the public key of the seal's signer %s is not one: %s", seal.Signer, fault.From(err).Reason)
	}
	return seal.VerifyBatch(key, chain, b.Leaves) // which compares the key's id with the signer's
}
