package standard

import (
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/compaction/compactiontest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// configured returns the plugin with a configuration.
func configured(tb testing.TB, config string) *Strategy {
	tb.Helper()
	s := New()
	if err := s.Validate([]byte(config)); err != nil {
		tb.Fatalf("Validate(%s): %v", config, err)
	}
	if err := s.Configure(tb.Context(), plugin.Setup{Config: []byte(config)}); err != nil {
		tb.Fatalf("Configure(%s): %v", config, err)
	}
	return s
}

func TestContract(t *testing.T) {
	for _, config := range []string{`{}`, `{"mode": "never"}`} {
		t.Run(config, func(t *testing.T) {
			compactiontest.Run(t, func(tb testing.TB) compaction.Strategy { return configured(tb, config) })
		})
	}
}

func TestVotes(t *testing.T) {
	c := compactiontest.Chain{}.
		Add(event.GenesisKey, false). // 0
		Add("a", false).              // 1
		Add("b", false).
		Add("\x00atedb/notice", false). // 3
		Add("a", false).
		Add("b", true). // 5: b ends
		Add("c", false).
		Add("d", true). // 7: d ends without ever having been
		Add("e", false).
		Add("e", true). // 9
		Add("e", false).
		Add("\x00atedb/notice", true) // 11
	want := map[event.Seq]compaction.Vote{
		0: compaction.ForceKeep, 3: compaction.ForceKeep, 11: compaction.ForceKeep,
		1: compaction.Drop, 4: compaction.Keep,
		2: compaction.Drop, 5: compaction.Drop,
		6: compaction.Keep, 7: compaction.Drop,
		8: compaction.Drop, 9: compaction.Drop, 10: compaction.Keep,
	}
	if got := compactiontest.Votes(t, configured(t, `{}`), c); !maps.Equal(got, want) {
		t.Errorf("the votes are %v; want %v", got, want)
	}
	if got := compactiontest.Votes(t, configured(t, `{"mode": "never"}`), c); !maps.Equal(got, want) {
		t.Errorf("in mode never, when somebody asks for a compaction, the votes are %v; want %v", got, want)
	}
}

// TestReusedBuffers shows events whose keys alias one buffer, as a reader that
// decodes in place does.
func TestReusedBuffers(t *testing.T) {
	events := func(yield func(compaction.Event, error) bool) {
		buf := make([]byte, 1)
		for seq, key := range []byte("abab") {
			buf[0] = key
			if !yield(compaction.Event{Seq: event.Seq(3 - seq), Header: event.Header{Key: buf}}, nil) {
				return
			}
		}
	}
	votes := make(map[event.Seq]compaction.Vote)
	err := New().Plan(t.Context(), compaction.Chain{}, events, func(seq event.Seq, v compaction.Vote) { votes[seq] = v })
	want := map[event.Seq]compaction.Vote{3: compaction.Keep, 2: compaction.Keep, 1: compaction.Drop, 0: compaction.Drop}
	if err != nil || !maps.Equal(votes, want) {
		t.Errorf("the votes are %v, %v; want %v", votes, err, want)
	}
}

func TestSettings(t *testing.T) {
	standard := Settings{Mode: FactorOrTimer, Factor: 0.4, Size: 104857600, Timer: time.Hour}
	with := func(change func(*Settings)) Settings {
		s := standard
		change(&s)
		return s
	}
	for config, want := range map[string]Settings{
		``: standard, `{}`: standard,
		`{"mode":"growth-or-timer"}`: standard,
		`{"mode":"factor-or-timer","factor":0.4,"timer":"1h","size":"100MiB"}`: standard,
		`{"timer":60}`:                           with(func(s *Settings) { s.Timer = time.Minute }),
		`{"size":104857600}`:                     standard,
		`{"factor":2}`:                           with(func(s *Settings) { s.Factor = 2 }),
		`{"mode":"never"}`:                       with(func(s *Settings) { s.Mode = Never }),
		`{"mode":"modified"}`:                    with(func(s *Settings) { s.Mode = Modified }),
		`{"mode":"timer"}`:                       with(func(s *Settings) { s.Mode = Timer }),
		`{"mode":"factor"}`:                      with(func(s *Settings) { s.Mode = Factor }),
		`{"mode":"size"}`:                        with(func(s *Settings) { s.Mode = Size }),
		`{"mode":"size-or-timer","size":"1GiB"}`: with(func(s *Settings) { s.Mode, s.Size = SizeOrTimer, 1<<30 }),
	} {
		if got := configured(t, config).settings; !reflect.DeepEqual(got, want) {
			t.Errorf("%s gives %+v; want %+v", config, got, want)
		}
	}
}

// TestRules tables what each mode waits for, and which chain which settings are
// for.
func TestRules(t *testing.T) {
	for config, want := range map[string]compaction.Trigger{
		`{}`:                            {Factor: 0.4, Timer: time.Hour},
		`{"mode":"never"}`:              {},
		`{"mode":"modified"}`:           {Modified: true},
		`{"mode":"timer","timer":60}`:   {Timer: time.Minute},
		`{"mode":"factor","factor":2}`:  {Factor: 2},
		`{"mode":"size","size":"1MiB"}`: {Size: 1 << 20},
		`{"mode":"size-or-timer"}`:      {Size: 100 << 20, Timer: time.Hour},
		`{"mode":"never","chains":{"a/*":{"mode":"modified"},"a/b":{"mode":"timer"},"a/bc*":{"mode":"size"}}}`: {},
	} {
		rules, err := configured(t, config).Rules(t.Context())
		if err != nil || rules.Trigger != want {
			t.Errorf("%s gives %+v, %v; want %+v", config, rules.Trigger, err, want)
		}
		if len(rules.Chains) == 0 {
			continue
		}
		for chain, want := range map[chainname.Name]compaction.Trigger{
			"a/a": {Modified: true}, "a/b": {Timer: time.Hour}, "a/bcd": {Size: 100 << 20}, "c/b": {},
		} {
			if got := rules.For(chain); got != want {
				t.Errorf("chain %s has %+v; want %+v", chain, got, want)
			}
		}
	}
}

func TestBadSettings(t *testing.T) {
	for config, key := range map[string]string{
		`{"mode":"sometimes"}`: "mode", `{"mode":7}`: "mode", `{"mode":""}`: "mode", `{"Mode":"never"}`: "Mode",
		`{"factor":0}`: "factor", `{"factor":-1}`: "factor", `{"factor":1e9}`: "factor", `{"factor":"much"}`: "factor",
		`{"size":0}`: "size", `{"size":"large"}`: "size", `{"size":-5}`: "size",
		`{"timer":0}`: "timer", `{"timer":"10ms"}`: "timer", `{"timer":"9000h"}`: "timer", `{"timer":"often"}`: "timer",
		`{"chains":[]}`: "chains", `{"chains":null}`: "chains", `{"chains":{"*a":{}}}`: "chains", `{"chains":{"a":{}}}`: "chains",
		`{"chains":{"a/b":{"chains":{}}}}`: "chains", `{"chains":{"a/b":{"factor":0}}}`: "factor", `{"chains":{"a/b":{"mod":"never"}}}`: "mod",
		`{"treshold":1}`: "treshold", `[]`: "configuration",
	} {
		for what, err := range map[string]error{
			"Validate":  New().Validate([]byte(config)),
			"Configure": New().Configure(t.Context(), plugin.Setup{Config: []byte(config)}),
		} {
			if !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), key) {
				t.Errorf("%s(%s) = %v; want a bad_config fault that names %s", what, config, err, key)
			}
		}
	}
}

// BenchmarkPlan plans for a chain of many objects with two versions each.
func BenchmarkPlan(b *testing.B) {
	const objects = 200_000
	var c compactiontest.Chain
	for i := range 2 * objects {
		c = c.Add(fmt.Sprintf("%016x", i%objects), false)
	}
	s := New()
	var before, after runtime.MemStats
	for b.Loop() {
		runtime.GC()
		runtime.ReadMemStats(&before)
		err := s.Plan(b.Context(), c.Info(), c.NewestFirst(), func(seq event.Seq, _ compaction.Vote) {
			if seq == 0 {
				runtime.GC()
				runtime.ReadMemStats(&after)
			}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/objects, "bytes/object")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(c)), "ns/event")
}
