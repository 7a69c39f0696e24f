package pluginhost

import (
	"context"
	"testing"

	"github.com/atedb/atedb/sdk/auth"
)

func newBenchHost(b *testing.B) *Plugin {
	b.Helper()
	h, err := New(Config{Dirs: []string{fakePlugins(b)}, RuntimeDir: shortDir(b), Timing: quick})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { h.Close(context.Background()) })
	p, err := h.Start(b.Context(), Spec{Kind: "auth", Name: "good"})
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// BenchmarkRestart is the time from kill -9 until the next process serves.
func BenchmarkRestart(b *testing.B) {
	p := newBenchHost(b)
	for generation := uint64(1); b.Loop(); generation++ {
		kill(b, pid(b, p))
		if err := p.Ready(b.Context(), generation); err != nil {
			b.Fatal(err)
		}
		if generation%freeDeaths == 0 { // never a delay, nor the breaker
			b.StopTimer()
			p = newBenchHost(b)
			generation = 0
			b.StartTimer()
		}
	}
}

// BenchmarkCall is the time of a call of a contract.
func BenchmarkCall(b *testing.B) {
	resolver := newBenchHost(b).Auth()
	for b.Loop() {
		if _, err := resolver.Resolve(b.Context(), auth.Query{Chain: "example.com/joe/db"}); err != nil {
			b.Fatal(err)
		}
	}
}
