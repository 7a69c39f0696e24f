package trusttest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/conform"
	"github.com/atedb/atedb/sdk/trust"
)

var (
	chain = event.ChainID{1, 2, 3}
	key   = []byte("joe's key")
)

// newSubject returns a fake that keeps the contract.
func newSubject(perBatch bool) Subject {
	f := &Fake{Behaviour: trust.Rules{DefaultWireEncryption: 192, PerBatch: perBatch}}
	var batches []trust.Batch
	for _, first := range []event.Seq{1, 10, 20} {
		leaves := []event.Hash{{byte(first)}, {byte(first + 1)}}
		batches = append(batches, trust.Batch{First: first, Leaves: leaves, Signer: key, Evidence: f.Seal(chain, key, leaves)})
	}
	return Subject{Validator: f, Proof: f.Prove(chain, []byte("this connection"), key), Chain: chain, Batches: batches}
}

func TestFakeKeepsTheContract(t *testing.T) {
	t.Run("proofs", func(t *testing.T) { Run(t, func(testing.TB) Subject { return newSubject(false) }) })
	t.Run("batches", func(t *testing.T) { Run(t, func(testing.TB) Subject { return newSubject(true) }) })
}

// TestRefusalWithoutReason refuses in silence, which must not become consent on
// the way.
func TestRefusalWithoutReason(t *testing.T) {
	silent := &Fake{OnCall: func(context.Context, string) error { return fault.New(fault.BadProof, "") }}
	if err := ThroughGRPC(t, silent).VerifyProof(t.Context(), trust.Proof{}); !fault.Is(err, fault.BadProof) {
		t.Errorf("VerifyProof returned %v; want a bad_proof fault", err)
	}
}

// broken is a validator with some answers replaced.
type broken struct {
	*Fake
	rules    func() (trust.Rules, error)
	verify   func(trust.Proof) error
	validate func([]trust.Batch, []trust.Verdict) []trust.Verdict
}

func (b *broken) Rules(ctx context.Context) (trust.Rules, error) {
	if b.rules != nil {
		return b.rules()
	}
	return b.Fake.Rules(ctx)
}

func (b *broken) VerifyProof(ctx context.Context, p trust.Proof) error {
	if b.verify != nil {
		return b.verify(p)
	}
	return b.Fake.VerifyProof(ctx, p)
}

func (b *broken) ValidateBatches(ctx context.Context, chain event.ChainID, batches []trust.Batch) ([]trust.Verdict, error) {
	verdicts, err := b.Fake.ValidateBatches(ctx, chain, batches)
	if b.validate != nil {
		return b.validate(batches, verdicts), nil
	}
	return verdicts, err
}

// lax judges batches as they are after a change that hides something wrong.
func lax(change func(*trust.Batch)) func([]trust.Batch, []trust.Verdict) []trust.Verdict {
	return func(batches []trust.Batch, verdicts []trust.Verdict) []trust.Verdict {
		var f Fake
		for i, b := range batches {
			change(&b)
			verdicts[i] = f.judge(chain, b)
		}
		return verdicts
	}
}

// TestBrokenValidatorsAreCaught breaks each promise in turn and wants the check
// named beside it to notice.
func TestBrokenValidatorsAreCaught(t *testing.T) {
	var calls atomic.Int64
	lenient := func(trust.Proof) error { return nil }
	fail := func(err error) func(trust.Proof) error { return func(trust.Proof) error { return err } }
	accept := func(batches []trust.Batch, _ []trust.Verdict) []trust.Verdict {
		return slices.Repeat([]trust.Verdict{{}}, len(batches))
	}
	tests := []struct {
		what, check string
		perBatch    bool
		b           broken
	}{
		{"an unknown wire level", "Rules", false, broken{rules: func() (trust.Rules, error) { return trust.Rules{DefaultWireEncryption: 64}, nil }}},
		{"other rules each time", "Rules", false, broken{rules: func() (trust.Rules, error) {
			return trust.Rules{UsesAuth: calls.Add(1)%2 == 0}, nil
		}}},
		{"other rules each time", "Concurrent", false, broken{rules: func() (trust.Rules, error) {
			return trust.Rules{UsesAuth: calls.Add(1)%2 == 0}, nil
		}}},
		{"refuses a good proof", "Proof", false, broken{verify: fail(fault.New(fault.BadProof, "no"))}},
		{"accepts every proof", "ForgedProof", false, broken{verify: lenient}},
		{"an error without a code", "ForgedProof", false, broken{verify: fail(errors.New("no"))}},
		{"an error with another code", "ForgedProof", false, broken{verify: fail(fault.New(fault.NotAuthorized, "no"))}},
		{"blames the key for the context", "ContextDone", false, broken{verify: fail(fault.New(fault.BadProof, "no"))}},
		{"too few verdicts", "Batches", true, broken{validate: func(_ []trust.Batch, v []trust.Verdict) []trust.Verdict { return v[:len(v)/2] }}},
		{"refuses good batches", "Batches", true, broken{validate: func(b []trust.Batch, _ []trust.Verdict) []trust.Verdict {
			return slices.Repeat([]trust.Verdict{{Reason: "no"}}, len(b))
		}}},
		{"accepts every batch", "ForgedBatch", true, broken{validate: accept}},
		{"verdicts out of order", "ForgedBatch", true, broken{validate: func(_ []trust.Batch, v []trust.Verdict) []trust.Verdict {
			return append(v[len(v)/2:], v[:len(v)/2]...)
		}}},
		{"ignores who signed", "ForgedBatch", true, broken{validate: lax(func(b *trust.Batch) { b.Signer = key })}},
		{"ignores the order", "ForgedBatch", true, broken{validate: lax(func(b *trust.Batch) {
			b.Leaves = slices.SortedFunc(slices.Values(b.Leaves), func(x, y event.Hash) int { return bytes.Compare(x[:], y[:]) })
		})}},
		{"accepts what it does not check", "NoBatches", false, broken{validate: accept}},
		{"other verdicts each time", "Concurrent", true, broken{validate: func(_ []trust.Batch, v []trust.Verdict) []trust.Verdict {
			v[0].Reason = strings.Repeat("no", int(calls.Add(1)%2))
			return v
		}}},
	}
	for _, test := range tests {
		t.Run(test.check+"/"+test.what, func(t *testing.T) {
			s := newSubject(test.perBatch)
			test.b.Fake = s.Validator.(*Fake)
			s.Validator = &test.b
			if len(complaints(t, test.check, s)) == 0 {
				t.Error("the check does not notice")
			}
		})
	}
}

func TestDeafValidatorIsCaught(t *testing.T) {
	s := newSubject(false)
	s.Validator.(*Fake).OnCall = func(ctx context.Context, method string) error {
		if method == "VerifyProof" {
			<-t.Context().Done()
		}
		return nil
	}
	if len(complaints(t, "ContextDone", s)) == 0 {
		t.Error("the check does not notice")
	}
}

func complaints(t *testing.T, name string, s Subject) []string {
	for _, c := range checks {
		if c.name == name {
			return conform.Complaints(t, func(tb testing.TB) { c.run(tb, s) })
		}
	}
	t.Fatalf("there is no check %s", name)
	return nil
}
