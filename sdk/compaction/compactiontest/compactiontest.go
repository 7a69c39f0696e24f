// Package compactiontest is the conformance suite of the compaction contract.
// A strategy passes it in the few lines of a test of its own:
//
//	func TestContract(t *testing.T) {
//		compactiontest.Run(t, func(tb testing.TB) compaction.Strategy { return newStrategy(tb) })
//	}
//
// [Fake] is a strategy for the tests of those who ask one. [Chain] makes chains
// for the tests of a strategy's own votes.
package compactiontest

import (
	"testing"

	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/internal/conform"
)

// Run checks the strategies that strategy makes against the contract: called
// directly, and through a gRPC connection as the daemon calls them. It makes a
// new strategy for each check.
func Run(t *testing.T, strategy func(tb testing.TB) compaction.Strategy) {
	t.Run("direct", func(t *testing.T) {
		runChecks(t, strategy)
		t.Run("Memory", func(t *testing.T) { checkMemory(t, strategy(t)) })
	})
	t.Run("grpc", func(t *testing.T) {
		runChecks(t, func(tb testing.TB) compaction.Strategy { return ThroughGRPC(tb, strategy(tb)) })
	})
}

// ThroughGRPC returns the strategy as the daemon sees it: behind a gRPC
// connection, which lasts until the test ends.
func ThroughGRPC(tb testing.TB, s compaction.Strategy) compaction.Strategy {
	tb.Helper()
	return compaction.NewClient(conform.Pipe(tb, func(reg grpc.ServiceRegistrar) { compaction.RegisterServer(reg, s) }))
}

func runChecks(t *testing.T, strategy func(tb testing.TB) compaction.Strategy) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.run(t, strategy(t)) })
	}
}

var checks = []struct {
	name string
	run  func(testing.TB, compaction.Strategy)
}{
	{"EmptyChain", checkEmptyChain},
	{"Votes", checkVotes},
	{"SameVotes", checkSameVotes},
	{"Concurrent", checkConcurrent},
	{"ReadError", checkReadError},
	{"ContextDone", checkContextDone},
	{"Cancelled", checkCancelled},
}
