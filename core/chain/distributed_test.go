package chain

import (
	"context"
	"testing"

	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/trust"
)

// validator verifies seals, as the trust plugin does, after before.
type validator struct {
	keyring evidence.Keyring
	before  func(context.Context) error
	batches int
}

func (v *validator) ValidateBatches(ctx context.Context, chain event.ChainID, batches []trust.Batch) ([]trust.Verdict, error) {
	v.batches += len(batches)
	if v.before != nil {
		if err := v.before(ctx); err != nil {
			return nil, err
		}
	}
	verdicts := make([]trust.Verdict, len(batches))
	for i, b := range batches {
		seal, err := evidence.ParseSeal(b.Evidence)
		if err != nil {
			return nil, err
		}
		pub, err := v.keyring.Parse(b.Signer)
		if err == nil {
			err = seal.VerifyBatch(pub, chain, b.Leaves)
		}
		if err != nil {
			verdicts[i].Reason = err.Error()
		}
	}
	return verdicts, nil
}

// signer is a client that seals.
type signer struct {
	key    *keys.SigningKey
	writer evidence.Writer
	number uint64
}

func newSigner() *signer {
	return &signer{key: keys.NewSigningKey(), writer: evidence.NewWriter()}
}

// seal seals a commit with the signer's next number.
func (s *signer) seal(f *fixture, head merkle.Head, c *Commit) *Commit {
	s.number++
	c.Evidence = evidence.SignSeal(s.key, f.ID(), leavesOf(f, c.Count, c.Frames), s.writer, s.number, head)
	return c
}

func leavesOf(f *fixture, count int, frames []byte) (leaves []event.Hash) {
	f.t.Helper()
	batch := event.Batch{Count: count, Frames: frames}
	for fr, err := range batch.Events() {
		if err != nil {
			f.t.Fatal(err)
		}
		leaves = append(leaves, fr.Leaf(f.ID()))
	}
	return leaves
}

// newDistributed is a chain of distributed trust that belongs to the signer.
func newDistributed(t *testing.T, owner *signer) (*fixture, *validator) {
	v := &validator{}
	f := &fixture{t: t, log: &chaintest.Log{}, trust: event.Distributed, validator: v}
	f.create(owner.key.Public().Bytes())
	return f, v
}

// withHeader is a commit of one event.
func withHeader(id byte, h event.Header, data string) *Commit {
	header, err := h.Encode()
	if err != nil {
		panic(err)
	}
	return &Commit{ID: event.CommitID{id}, Count: 1, Frames: event.AppendFrame(nil, header, []byte(data))}
}

// introduce is a commit that makes a key known, and nothing else of note.
func introduce(id byte, key *keys.SigningKey) *Commit {
	return withHeader(id, event.Header{Key: []byte("key"), Keys: [][]byte{key.Public().Bytes()}}, "")
}

// rootKeys is a commit that replaces the chain's root keys.
func rootKeys(id byte, keys ...*keys.SigningKey) *Commit {
	h := event.Header{Key: []byte(authority.RootKey), Write: event.WriteAuthority{Kind: event.WriteAnyOf}}
	for _, key := range keys {
		h.Write.Keys = append(h.Write.Keys, key.Public().ID())
		h.Keys = append(h.Keys, key.Public().Bytes())
	}
	return withHeader(id, h, "")
}
