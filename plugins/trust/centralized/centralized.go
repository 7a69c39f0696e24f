// Package centralized is the trust plugin for chains whose writers show the
// server, once per connection, that they own their keys.
package centralized

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
	return trust.Rules{UsesAuth: true, DefaultWireEncryption: 128}, nil
}

// VerifyProof implements trust.Validator: the proof is one of package evidence.
// Keys of Ed25519 alone are taken, too: the proof has to hold only while the
// connection lasts, and the chain's owner chose the key.
func (v *Validator) VerifyProof(_ context.Context, p trust.Proof) error {
	key, err := v.keys.ParseAny(p.PublicKey)
	if err != nil {
		return fault.New(fault.BadProof, "the key that was to be proven is not one: %s", fault.From(err).Reason)
	}
	return evidence.VerifyProof(key, p.Chain, p.Binding, p.Proof)
}

// ValidateBatches refuses with code not_supported: in centralized trust a batch
// carries no evidence.
func (*Validator) ValidateBatches(context.Context, event.ChainID, []trust.Batch) ([]trust.Verdict, error) {
	return nil, fault.New(fault.Unsupported, "a batch of a chain with centralized trust carries no evidence to validate; its writers prove their keys once per connection")
}
