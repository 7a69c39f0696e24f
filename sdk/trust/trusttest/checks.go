package trusttest

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/conform"
	"github.com/atedb/atedb/sdk/trust"
)

// takesProofs reports whether the subject has a good proof.
func (s Subject) takesProofs() bool { return s.Proof.Proof != nil }

func rules(tb testing.TB, s Subject) (rules trust.Rules) {
	tb.Helper()
	conform.Soon(tb, "Rules", func() {
		var err error
		if rules, err = s.Validator.Rules(tb.Context()); err != nil {
			tb.Errorf("Rules failed: %v", err)
		}
	})
	return rules
}

func checkRules(tb testing.TB, s Subject) {
	r := rules(tb, s)
	if !slices.Contains([]int{0, 128, 192, 256}, r.DefaultWireEncryption) {
		tb.Errorf("the default wire encryption is %d; want 0, 128, 192 or 256", r.DefaultWireEncryption)
	}
	if again := rules(tb, s); again != r {
		tb.Errorf("the rules are %+v, then %+v", r, again)
	}
}

func verify(tb testing.TB, s Subject, p trust.Proof) (err error) {
	tb.Helper()
	conform.Soon(tb, "VerifyProof", func() { err = s.Validator.VerifyProof(tb.Context(), p) })
	return err
}

func checkProof(tb testing.TB, s Subject) {
	if !s.takesProofs() {
		return
	}
	for range 2 { // a validator holds no state
		if err := verify(tb, s, s.Proof); err != nil {
			tb.Errorf("VerifyProof refuses a good proof: %v", err)
		}
	}
}

// checkForgedProof changes each part of a good proof in turn.
func checkForgedProof(tb testing.TB, s Subject) {
	wants := []fault.Code{fault.BadProof}
	if !s.takesProofs() {
		wants = append(wants, fault.Unsupported)
	}
	otherChain := s.Proof
	otherChain.Chain[0] ^= 1
	forged := map[string]trust.Proof{"nothing": {}, "another chain's proof": otherChain}
	for part, field := range map[string]func(*trust.Proof) *[]byte{
		"binding":    func(p *trust.Proof) *[]byte { return &p.Binding },
		"public key": func(p *trust.Proof) *[]byte { return &p.PublicKey },
		"proof":      func(p *trust.Proof) *[]byte { return &p.Proof },
	} {
		for how, damaged := range damage(*field(&s.Proof)) {
			p := s.Proof
			*field(&p) = damaged
			forged[fmt.Sprintf("a proof whose %s is %s", part, how)] = p
		}
	}
	for what, p := range forged {
		if err := verify(tb, s, p); err == nil {
			tb.Errorf("VerifyProof accepts %s", what)
		} else {
			conform.Fault(tb, "VerifyProof of "+what, err, wants...)
		}
	}
}

// damage returns versions of b that are not b.
func damage(b []byte) map[string][]byte {
	damaged := map[string][]byte{"long": append(slices.Clone(b), make([]byte, 64<<10)...)}
	if len(b) > 0 {
		damaged["absent"] = nil
		damaged["cut"] = b[:len(b)-1]
		flipped := slices.Clone(b)
		flipped[len(b)/2] ^= 1
		damaged["flipped"] = flipped
	}
	return damaged
}

// validate asks for the verdicts, and checks that there is one for each batch.
func validate(tb testing.TB, s Subject, chain event.ChainID, batches []trust.Batch) (verdicts []trust.Verdict) {
	tb.Helper()
	var err error
	conform.Soon(tb, "ValidateBatches", func() { verdicts, err = s.Validator.ValidateBatches(tb.Context(), chain, batches) })
	if err != nil {
		tb.Fatalf("ValidateBatches failed: %v", err)
	}
	if len(verdicts) != len(batches) {
		tb.Fatalf("ValidateBatches gave %d verdicts on %d batches", len(verdicts), len(batches))
	}
	for _, v := range verdicts {
		if v.Reason != "" {
			conform.Sentence(tb, "ValidateBatches", v.Reason)
		}
	}
	return verdicts
}

// expect wants the batches named by bad, and only those, to be refused.
func expect(tb testing.TB, what string, verdicts []trust.Verdict, bad ...int) {
	tb.Helper()
	for i, v := range verdicts {
		if refused := v.Reason != ""; refused != slices.Contains(bad, i) {
			tb.Errorf("ValidateBatches of %s: the verdict on batch %d is %+v", what, i, v)
		}
	}
}

func checkBatches(tb testing.TB, s Subject) {
	if !rules(tb, s).PerBatch {
		return
	}
	short := func(b trust.Batch) bool { return len(b.Leaves) < 2 }
	if len(s.Batches) < 2 || slices.ContainsFunc(s.Batches, short) {
		tb.Fatalf("the subject has %d batches; the suite needs two, of two events or more", len(s.Batches))
	}
	expect(tb, "nothing", validate(tb, s, s.Chain, nil))
	expect(tb, "good batches", validate(tb, s, s.Chain, s.Batches))
	for i := range s.Batches { // alone, and in any order: a validator holds no state
		expect(tb, "a good batch alone", validate(tb, s, s.Chain, s.Batches[i:i+1]))
	}
	reversed := slices.Clone(s.Batches)
	slices.Reverse(reversed)
	expect(tb, "good batches in another order", validate(tb, s, s.Chain, reversed))
}

// checkForgedBatch puts a batch with one bad part between good ones.
func checkForgedBatch(tb testing.TB, s Subject) {
	if !rules(tb, s).PerBatch {
		return
	}
	good, last := s.Batches[0], s.Batches[len(s.Batches)-1]
	forged := map[string]trust.Batch{
		"other leaves":   withLeaves(good, last.Leaves),
		"a lost event":   withLeaves(good, good.Leaves[:len(good.Leaves)-1]),
		"an added event": withLeaves(good, append(slices.Clone(good.Leaves), event.Hash{})),
		"no events":      withLeaves(good, nil),
		"nothing at all": {},
	}
	swapped, altered := slices.Clone(good.Leaves), slices.Clone(good.Leaves)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	altered[0][0] ^= 1
	forged["reordered events"], forged["an altered event"] = withLeaves(good, swapped), withLeaves(good, altered)
	for how, damaged := range damage(good.Evidence) {
		b := good
		b.Evidence = damaged
		forged["evidence that is "+how] = b
	}
	for how, damaged := range damage(good.Signer) {
		b := good
		b.Signer = damaged
		forged["a signer that is "+how] = b
	}
	b := good
	b.Evidence = last.Evidence
	forged["another batch's evidence"] = b
	for what, b := range forged {
		expect(tb, what, validate(tb, s, s.Chain, []trust.Batch{last, b, last}), 1)
	}
	otherChain := s.Chain
	otherChain[0] ^= 1
	expect(tb, "another chain's batch", validate(tb, s, otherChain, s.Batches[:1]), 0)
}

func withLeaves(b trust.Batch, leaves []event.Hash) trust.Batch {
	b.Leaves = leaves
	return b
}

// checkNoBatches calls ValidateBatches where the rules say that nobody will: it must
// not accept what it did not check.
func checkNoBatches(tb testing.TB, s Subject) {
	if rules(tb, s).PerBatch {
		return
	}
	batch := trust.Batch{Leaves: []event.Hash{{1}}, Signer: []byte("a key")}
	conform.Soon(tb, "ValidateBatches", func() {
		verdicts, err := s.Validator.ValidateBatches(tb.Context(), s.Chain, []trust.Batch{batch})
		switch {
		case err != nil:
			conform.Fault(tb, "ValidateBatches", err, fault.Unsupported)
		case len(verdicts) != 1 || verdicts[0].Reason == "":
			tb.Errorf("ValidateBatches gave %+v on a batch without evidence", verdicts)
		}
	})
}

func checkConcurrent(tb testing.TB, s Subject) {
	r := rules(tb, s)
	var alone []trust.Verdict
	if r.PerBatch {
		alone = validate(tb, s, s.Chain, s.Batches)
	}
	proofIsGood := verify(tb, s, s.Proof) == nil
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 10 {
				if got, err := s.Validator.Rules(tb.Context()); err != nil || got != r {
					tb.Errorf("among others, the rules are %+v, %v; alone %+v", got, err, r)
				}
				if err := s.Validator.VerifyProof(tb.Context(), s.Proof); (err == nil) != proofIsGood {
					tb.Errorf("among others, VerifyProof says %v; alone its proof is good: %v", err, proofIsGood)
				}
				if !r.PerBatch {
					continue
				}
				if got, err := s.Validator.ValidateBatches(tb.Context(), s.Chain, s.Batches); err != nil || !reflect.DeepEqual(got, alone) {
					tb.Errorf("among others, ValidateBatches says %+v, %v; alone %+v", got, err, alone)
				}
			}
		})
	}
	conform.Soon(tb, "a validator called by 16 goroutines", wg.Wait)
}

// checkContextDone wants each method to return soon, and to refuse nothing as
// bad because of its context.
func checkContextDone(tb testing.TB, s Subject) {
	perBatch := rules(tb, s).PerBatch
	conform.Soon(tb, "a validator with a context that is done", func() {
		ctx := conform.Done()
		if _, err := s.Validator.Rules(ctx); err != nil {
			conform.Fault(tb, "Rules with a context that is done", err, fault.Unavailable)
		}
		if err := s.Validator.VerifyProof(ctx, s.Proof); err != nil && s.takesProofs() {
			conform.Fault(tb, "VerifyProof with a context that is done", err, fault.Unavailable)
		}
		if _, err := s.Validator.ValidateBatches(ctx, s.Chain, s.Batches); err != nil && perBatch {
			conform.Fault(tb, "ValidateBatches with a context that is done", err, fault.Unavailable)
		}
	})
}
