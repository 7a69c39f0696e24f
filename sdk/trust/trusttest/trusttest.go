// Package trusttest is the conformance suite of the trust contract. A validator
// passes it in the few lines of a test of its own:
//
//	func TestContract(t *testing.T) {
//		trusttest.Run(t, func(tb testing.TB) trusttest.Subject {
//			return trusttest.Subject{Validator: newValidator(tb)}
//		})
//	}
//
// [Fake] is a validator for the tests of those who ask one.
package trusttest

import (
	"testing"

	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/internal/conform"
	"github.com/atedb/atedb/sdk/trust"
)

// Subject is a validator under test and evidence that convinces it.
type Subject struct {
	Validator trust.Validator
	// Proof is a good proof, with all its fields. The zero value says that the
	// validator takes no proofs: then every one must be refused.
	Proof trust.Proof
	// Chain and Batches are at least two batches with good evidence, each of two
	// events or more. They are not used unless the rules say PerBatch.
	Chain   event.ChainID
	Batches []trust.Batch
}

// Run checks the validators that subject makes against the contract: called
// directly, and through a gRPC connection as the daemon calls them. It makes a
// new subject for each check.
func Run(t *testing.T, subject func(tb testing.TB) Subject) {
	t.Run("direct", func(t *testing.T) { runChecks(t, subject) })
	t.Run("grpc", func(t *testing.T) {
		runChecks(t, func(tb testing.TB) Subject {
			s := subject(tb)
			s.Validator = ThroughGRPC(tb, s.Validator)
			return s
		})
	})
}

// ThroughGRPC returns the validator as the daemon sees it: behind a gRPC
// connection, which lasts until the test ends.
func ThroughGRPC(tb testing.TB, v trust.Validator) trust.Validator {
	tb.Helper()
	return trust.NewClient(conform.Pipe(tb, func(reg grpc.ServiceRegistrar) { trust.RegisterServer(reg, v) }))
}

func runChecks(t *testing.T, subject func(tb testing.TB) Subject) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.run(t, subject(t)) })
	}
}

var checks = []struct {
	name string
	run  func(testing.TB, Subject)
}{
	{"Rules", checkRules},
	{"Proof", checkProof},
	{"ForgedProof", checkForgedProof},
	{"Batches", checkBatches},
	{"ForgedBatch", checkForgedBatch},
	{"NoBatches", checkNoBatches},
	{"Concurrent", checkConcurrent},
	{"ContextDone", checkContextDone},
}
