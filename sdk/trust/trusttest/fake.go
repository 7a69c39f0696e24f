package trusttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/trust"
)

// Fake is a validator whose evidence anyone can make, with [Fake.Prove] and
// [Fake.Seal]. Its fields are set before the first call.
type Fake struct {
	Behaviour trust.Rules
	// OnCall, if not nil, comes before each answer with the method's name. It
	// may block, and the error that it returns takes the answer's place.
	OnCall func(ctx context.Context, method string) error
}

// Prove returns a good proof that a connection owns a key.
func (f *Fake) Prove(chain event.ChainID, binding, publicKey []byte) trust.Proof {
	return trust.Proof{Chain: chain, Binding: binding, PublicKey: publicKey, Proof: digest(chain[:], binding, publicKey)}
}

// Seal returns good evidence that the owner of a key wrote the batch with these
// leaf hashes. The key is the batch's signer.
func (f *Fake) Seal(chain event.ChainID, publicKey []byte, leaves []event.Hash) []byte {
	parts := [][]byte{chain[:], publicKey}
	for i := range leaves {
		parts = append(parts, leaves[i][:])
	}
	return digest(parts...)
}

// Rules implements trust.Validator.
func (f *Fake) Rules(ctx context.Context) (trust.Rules, error) {
	if err := f.enter(ctx, "Rules"); err != nil {
		return trust.Rules{}, err
	}
	return f.Behaviour, nil
}

// VerifyProof implements trust.Validator.
func (f *Fake) VerifyProof(ctx context.Context, p trust.Proof) error {
	if err := f.enter(ctx, "VerifyProof"); err != nil {
		return err
	}
	if !bytes.Equal(p.Proof, f.Prove(p.Chain, p.Binding, p.PublicKey).Proof) {
		return fault.New(fault.BadProof, "the proof is not this key's for this connection and chain")
	}
	return nil
}

// ValidateBatches implements trust.Validator.
func (f *Fake) ValidateBatches(ctx context.Context, chain event.ChainID, batches []trust.Batch) ([]trust.Verdict, error) {
	if err := f.enter(ctx, "ValidateBatches"); err != nil {
		return nil, err
	}
	if !f.Behaviour.PerBatch {
		return nil, fault.New(fault.Unsupported, "batches carry no evidence in this trust mode")
	}
	verdicts := make([]trust.Verdict, len(batches))
	for i, b := range batches {
		verdicts[i] = f.judge(chain, b)
	}
	return verdicts, nil
}

func (f *Fake) judge(chain event.ChainID, b trust.Batch) trust.Verdict {
	if len(b.Evidence) == 0 {
		return trust.Verdict{Reason: "the batch has no seal"}
	}
	if !bytes.Equal(b.Evidence, f.Seal(chain, b.Signer, b.Leaves)) {
		return trust.Verdict{Reason: "the seal is not the signer's, or not of this batch"}
	}
	return trust.Verdict{}
}

func (f *Fake) enter(ctx context.Context, method string) error {
	if f.OnCall != nil {
		if err := f.OnCall(ctx, method); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fault.New(fault.Unavailable, "the call was given up: %w", err)
	}
	return nil
}

// digest hashes the parts so that no two lists of parts give the same bytes to
// the hash.
func digest(parts ...[]byte) []byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(part)
	}
	return h.Sum(nil)
}
