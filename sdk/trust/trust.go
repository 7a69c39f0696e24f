// Package trust is the contract between the daemon and what checks that
// writers own the keys they write with: version 1.
//
// A validator answers one question: did the owner of this key make this
// evidence, for just this? It is a function of what it is given. It holds no
// state, so that one process serves all chains and can be replaced at any time,
// and every answer is the same however often and in whatever order it is asked.
// All else is the daemon's: whose evidence it is and the key that belongs to it,
// what the chain's authorities let that key write, and whether a good seal is
// being replayed.
//
// Chains whose rules say PerBatch carry a seal in every batch; the daemon finds
// the signer's key by reading the seal as package evidence describes it. On all
// others a connection proves each of its keys once.
package trust

import (
	"context"

	"github.com/atedb/atedb/sdk/event"
)

// Version is the version of this contract.
const Version = 1

// Validator checks evidence. Its methods may be called at the same time by
// several goroutines. What they are given is the caller's again when they
// return. An error that says nothing about the evidence, such as a context that
// is done, is an unavailable fault, and never one that blames the evidence.
type Validator interface {
	// Rules says how chains of this trust mode behave. It is asked once when the
	// plugin starts; the answer is always the same.
	Rules(ctx context.Context) (Rules, error)

	// VerifyProof checks a connection's proof that it owns a key; nil says that
	// it does. A bad_proof fault says what is wrong with the proof or the key, a
	// not_supported one that this trust mode takes no proofs.
	VerifyProof(ctx context.Context, p Proof) error

	// ValidateBatches checks the evidence of batches, each by itself, and returns
	// a verdict for each, in order. An error is about none of them. It is called
	// only if the rules say PerBatch; otherwise it is a not_supported fault.
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

// Proof shows that a connection owns a key. Nothing in it has been checked.
type Proof struct {
	Chain     event.ChainID
	Binding   []byte // what ties the proof to this connection; package wire makes it
	PublicKey []byte // encoded
	Proof     []byte // what the client sent
}

// Batch is a batch to validate, whole, as it is about to be committed.
type Batch struct {
	First    event.Seq    // where it would stand in the chain
	Evidence []byte       // as the client sent it
	Leaves   []event.Hash // of its events, in order
	// Signer is the encoded public key that the evidence names; what it says
	// must be checked, as the evidence. Whether its owner has the authority is
	// not the validator's to say.
	Signer []byte
}

// Verdict is the judgement of a batch.
type Verdict struct {
	// Reason is one sentence about what is wrong, at most 4 KiB; "" if the
	// signer made the evidence for exactly these leaves, in this order, of this
	// chain.
	Reason string
}
