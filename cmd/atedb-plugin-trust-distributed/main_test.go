package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/atedb/atedb/core/pluginhost"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/trust"
)

// TestMain is the plugin if a host starts this program.
func TestMain(m *testing.M) {
	if os.Getenv(plugin.Handshake.MagicCookieKey) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// hosted returns the validator in a process of its own, as the daemon has it.
func hosted(tb testing.TB) trust.Validator {
	tb.Helper()
	dir, err := os.MkdirTemp("", "ate") // a short path, for the sockets in it
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(dir, "atedb-plugin-trust-distributed")); err != nil {
		tb.Fatal(err)
	}
	host, err := pluginhost.New(pluginhost.Config{Dirs: []string{dir}, RuntimeDir: filepath.Join(dir, "run")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := host.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	p, err := host.Start(tb.Context(), pluginhost.Spec{Kind: plugin.KindTrust, Name: "distributed"})
	if err != nil {
		tb.Fatal(err)
	}
	return p.Trust()
}

var chain = event.ChainID{1, 2, 3}

// sealed returns batches of n events each, as they come in one round.
func sealed(batches, n int) []trust.Batch {
	key := keys.NewSigningKey()
	round := make([]trust.Batch, batches)
	for i := range round {
		leaves := make([]event.Hash, n)
		for j := range leaves {
			binary.LittleEndian.PutUint64(leaves[j][:], uint64(i*n+j))
		}
		round[i] = trust.Batch{
			First: event.Seq(1 + i*n), Leaves: leaves, Signer: key.Public().Bytes(),
			Evidence: evidence.SignSeal(key, chain, leaves, evidence.Writer{1}, uint64(i), merkle.Head{Size: 1}),
		}
	}
	return round
}

// TestAcrossTheProcessBoundary: verdicts come back from the plugin's process in
// the order of their batches.
func TestAcrossTheProcessBoundary(t *testing.T) {
	v := hosted(t)
	if rules, err := v.Rules(t.Context()); err != nil || !rules.PerBatch {
		t.Errorf("the rules are %+v, %v", rules, err)
	}
	round := sealed(20, 3)
	round[7].Leaves[1][0]++
	verdicts, err := v.ValidateBatches(t.Context(), chain, round)
	if err != nil {
		t.Fatal(err)
	}
	for i, verdict := range verdicts {
		if (verdict.Reason != "") != (i == 7) {
			t.Errorf("the verdict on batch %d is %+v", i, verdict)
		}
	}
}

// BenchmarkValidate is the time of a call with one or several batches of 100
// events, the process boundary included.
func BenchmarkValidate(b *testing.B) {
	const events = 100
	v := hosted(b)
	for _, batches := range []int{1, 16} {
		b.Run(fmt.Sprintf("%dx%d", batches, events), func(b *testing.B) {
			round := sealed(batches, events)
			for b.Loop() {
				if verdicts, err := v.ValidateBatches(b.Context(), chain, round); err != nil || verdicts[0].Reason != "" {
					b.Fatal(verdicts, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(batches*events), "µs/event")
		})
	}
}
