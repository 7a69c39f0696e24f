package distributed

import (
	"context"
	"crypto/ed25519"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/trust"
	"github.com/atedb/atedb/sdk/trust/trusttest"
)

var (
	chain = event.ChainID{1, 2, 3}
	joe   = keys.NewSigningKey()
	ann   = keys.NewSigningKey()
	ssh   = func() *keys.SigningKey {
		key, err := keys.Ed25519SigningKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
		if err != nil {
			panic(err)
		}
		return key
	}()
)

// sealed returns a batch of n events that a key sealed, seeing all before it.
func sealed(key *keys.SigningKey, first event.Seq, n int) trust.Batch {
	leaves := make([]event.Hash, n)
	for i := range leaves {
		leaves[i] = event.Hash{byte(first), byte(i)}
	}
	head := merkle.Head{Size: uint64(first), Root: event.Hash{9}}
	return trust.Batch{
		First: first, Leaves: leaves, Signer: key.Public().Bytes(),
		Evidence: evidence.SignSeal(key, chain, leaves, evidence.Writer{1}, uint64(first), head),
	}
}

func TestContract(t *testing.T) {
	trusttest.Run(t, func(testing.TB) trusttest.Subject {
		return trusttest.Subject{Validator: New(), Chain: chain, Batches: []trust.Batch{
			sealed(joe, 1, 2), sealed(ann, 3, 3), sealed(joe, 6, 100),
		}}
	})
}

func TestRules(t *testing.T) {
	want := trust.Rules{UsesAuth: false, DefaultWireEncryption: 0, PerBatch: true}
	if got, err := New().Rules(t.Context()); err != nil || got != want {
		t.Errorf("Rules() = %+v, %v; want %+v", got, err, want)
	}
}

// TestAttacks wants each forged batch refused with the sentence that says why,
// and the good ones around it accepted.
func TestAttacks(t *testing.T) {
	good := sealed(joe, 10, 4)
	with := func(change func(*trust.Batch)) trust.Batch {
		b := good
		b.Evidence, b.Leaves = slices.Clone(b.Evidence), slices.Clone(b.Leaves)
		change(&b)
		return b
	}
	tests := []struct {
		attack string
		batch  trust.Batch
		says   string
	}{
		{"stripped seal", with(func(b *trust.Batch) { b.Evidence = nil }), "the batch has no seal"},
		{"truncated seal", with(func(b *trust.Batch) { b.Evidence = b.Evidence[:2000] }), "the seal has 2000 bytes"},
		{"seal of a future version", with(func(b *trust.Batch) { b.Evidence[0] = 9 }), "is of version 9"},
		{"forged seal", with(func(b *trust.Batch) { b.Evidence[evidence.SealSize-1] ^= 1 }), "was not made by key"},
		{"seal by another key", with(func(b *trust.Batch) { b.Evidence = sealed(ann, 10, 4).Evidence }), "was checked with key"},
		{"another key for the seal", with(func(b *trust.Batch) { b.Signer = ann.Public().Bytes() }), "was checked with key"},
		{"no key", with(func(b *trust.Batch) { b.Signer = nil }), "is not one"},
		{"a key of Ed25519 alone", with(func(b *trust.Batch) { b.Signer = ssh.Public().Bytes() }), "not quantum-resistant"},
		{"sealed by a key of Ed25519 alone", sealed(ssh, 10, 4), "a seal of version 1 has 3506"},
		{"a proof for a seal", with(func(b *trust.Batch) { b.Evidence = evidence.SignProof(joe, chain, make([]byte, 32)) }), "the seal has 3374 bytes"},
		{"seal over other leaves", with(func(b *trust.Batch) { b.Leaves = sealed(joe, 11, 4).Leaves }), "of other events"},
		{"reordered leaves", with(func(b *trust.Batch) { slices.Reverse(b.Leaves) }), "of other events"},
		{"truncated batch", with(func(b *trust.Batch) { b.Leaves = b.Leaves[:3] }), "of a batch of 4 events"},
		{"put before what its signer had seen", with(func(b *trust.Batch) { b.First = 9 }), "would stand before them"},
	}
	v := New()
	for _, test := range tests {
		verdicts, err := v.ValidateBatches(t.Context(), chain, []trust.Batch{good, test.batch, sealed(ann, 20, 1)})
		if err != nil || len(verdicts) != 3 || verdicts[0].Reason != "" || verdicts[2].Reason != "" || !strings.Contains(verdicts[1].Reason, test.says) {
			t.Errorf("%s: %+v, %v", test.attack, verdicts, err)
		}
	}
	verdicts, err := v.ValidateBatches(t.Context(), event.ChainID{1, 2, 4}, []trust.Batch{good})
	if err != nil || !strings.Contains(verdicts[0].Reason, "was not made by key") {
		t.Errorf("replayed on another chain: %+v, %v", verdicts, err)
	}
}

// TestProofsAreNotTaken wants the refusal to say what to do instead.
func TestProofsAreNotTaken(t *testing.T) {
	binding := make([]byte, evidence.BindingSize)
	err := New().VerifyProof(t.Context(), trust.Proof{
		Chain: chain, Binding: binding, PublicKey: joe.Public().Bytes(), Proof: evidence.SignProof(joe, chain, binding),
	})
	if !fault.Is(err, fault.Unsupported) || !strings.Contains(err.Error(), "seal each batch") {
		t.Errorf("got %v", err)
	}
}

// TestGivenUp: a call that ends early accepts nothing that it did not check.
func TestGivenUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	verdicts, err := New().ValidateBatches(ctx, chain, []trust.Batch{{}})
	if !fault.Is(err, fault.Unavailable) || verdicts != nil {
		t.Errorf("got %+v, %v", verdicts, err)
	}
}

// TestParallel: every number comes exactly once.
func TestParallel(t *testing.T) {
	for _, n := range []int{0, 1, 2, 1000} {
		calls := make([]atomic.Int32, n)
		parallel(t.Context(), n, func(i int) { calls[i].Add(1) })
		for i := range calls {
			if calls[i].Load() != 1 {
				t.Errorf("of %d: number %d came %d times", n, i, calls[i].Load())
			}
		}
	}
}
