// Package trust is the contract between the daemon and what checks that
// writers own the keys they write with: version 1.
//
// A validator holds no state. It says whether the owner of a key made some
// evidence; the daemon knows each chain's authorities and judges by itself what
// that key may write.
package trust

import (
	"context"

	"github.com/atedb/atedb/sdk/event"
)

// Version is the version of this contract.
const Version = 1

// Validator checks evidence. Its methods may be called at the same time by
// several goroutines.
type Validator interface {
	// Rules says how chains of this trust mode behave. It is asked once.
	Rules(ctx context.Context) (Rules, error)

	// VerifyProof checks a connection's proof that it owns a key. A
	// not_authorized fault says what is wrong with it.
	VerifyProof(ctx context.Context, p Proof) error

	// ValidateBatches checks the evidence of batches and returns a verdict for each,
	// in order. It is called only if the rules say PerBatch.
	ValidateBatches(ctx context.Context, chain event.ChainID, batches []Batch) ([]Verdict, error)
}

// Rules is how chains of a trust mode behave.
type Rules struct {
	// UsesAuth has the daemon ask the auth resolvers who owns a new chain.
	UsesAuth bool
	// DefaultWireEncryption is used when the operator chooses none: 0 for
	// off, 128, 192 or 256.
	DefaultWireEncryption int
	// PerBatch means that every batch carries evidence, which is validated;
	// otherwise a proof once per connection is enough.
	PerBatch bool
}

// Proof shows that a connection owns a key.
type Proof struct {
	Chain     event.ChainID
	Binding   []byte // what ties the proof to this connection
	PublicKey []byte
	Proof     []byte
}

// Batch is a batch to validate.
type Batch struct {
	First    event.Seq // where it would stand in the chain
	Evidence []byte
	Leaves   []event.Hash // of its events
	// Signer is the encoded public key that the evidence names. Whether its
	// owner has the authority is not the validator's to say.
	Signer []byte
}

// Verdict is the judgement of a batch.
type Verdict struct {
	Reason string // what is wrong; "" if the signer made the evidence for exactly these leaves
}
