// Package centralized is the trust plugin for chains whose writers show the
// server, once per connection, that they own their keys.
//
// This version cannot check such a proof yet and refuses every one, so it
// serves only what needs none: chains without root keys, which anyone may
// write.
package centralized

import (
	"context"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/trust"
)

// Validator is the plugin. It has neither configuration nor state.
type Validator struct{}

var _ trust.Validator = Validator{}

// New returns the plugin.
func New() Validator { return Validator{} }

// Rules implements trust.Validator.
func (Validator) Rules(context.Context) (trust.Rules, error) {
	return trust.Rules{UsesAuth: true, DefaultWireEncryption: 128}, nil
}

// VerifyProof refuses every proof with code not_supported.
func (Validator) VerifyProof(context.Context, trust.Proof) error {
	return fault.New(fault.Unsupported, "this version of AteDB cannot check that a client owns a key; use a chain that anyone may write")
}

// ValidateBatches refuses with code not_supported: in centralized trust a batch
// carries no evidence.
func (Validator) ValidateBatches(context.Context, event.ChainID, []trust.Batch) ([]trust.Verdict, error) {
	return nil, fault.New(fault.Unsupported, "a batch of a chain with centralized trust carries no evidence to validate; its writers prove their keys once per connection")
}
