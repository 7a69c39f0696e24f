package retention

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/compaction/compactiontest"
	"github.com/atedb/atedb/sdk/event"
)

func TestContract(t *testing.T) {
	for name, config := range map[string]string{
		"keep": `{"keep":{"k":{"max_age":"10m","max_events":1200}}}`,
		"drop": `{"drop":{"d":{"max_age":"10m"},"v":{"max_versions":2}}}`,
		"live": `{"drop":{"d":{"type":"note","max_bytes":"100KiB","drop_live":true}},"keep":{"k":{"objects":["once*"],"labels":{"colour":"green"}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			compactiontest.Run(t, func(tb testing.TB) compaction.Strategy { return configured(tb, config) })
		})
	}
}

// TestVotes tables each limit and each selector at its boundaries. Votes are:
// . silent, d drop, D force-drop, K force-keep.
func TestVotes(t *testing.T) {
	for _, c := range []struct{ what, config, chain, want string }{
		{"no rules", `{}`, "a a b", "..."},
		{"keep without limits", `{"keep":{"k":{}}}`, "a a b,end", "KKK"},
		{"the server's own", `{"keep":{"k":{}},"drop":{"d":{"max_events":1,"drop_live":true}}}`, "^genesis ^x a a", "..KK"},

		{"keep: exactly as old is within", `{"keep":{"k":{"max_age":2}}}`, "a a a a", "..KK"},
		{"keep: versions of each object", `{"keep":{"k":{"max_versions":2}}}`, "a b a a b c", ".KKKKK"},
		{"keep: a tombstone is a version", `{"keep":{"k":{"max_versions":2}}}`, "a a,end a", ".KK"},
		{"keep: events of all objects", `{"keep":{"k":{"max_events":3}}}`, "a b a c", ".KKK"},
		{"keep: exactly as many bytes are within", `{"keep":{"k":{"max_bytes":20}}}`, "a,size=9 a,size=9 b,size=9", ".KK"},
		{"keep: one byte less", `{"keep":{"k":{"max_bytes":19}}}`, "a,size=9 a,size=9 b,size=9", "..K"},
		{"keep: no smaller one behind one too large", `{"keep":{"k":{"max_bytes":30}}}`, "a,size=1 a,size=99 b,size=9", "..K"},
		{"keep: within all limits", `{"keep":{"k":{"max_age":3,"max_versions":2}}}`, "a a b a a a", "....KK"},
		{"keep: beyond versions takes no place", `{"keep":{"k":{"max_events":3,"max_versions":1}}}`, "d c b a a a", ".KK..K"},
		{"keep: two rules", `{"keep":{"k":{"max_age":2},"l":{"max_versions":1}}}`, "a b c c c", "KK.KK"},

		{"drop: never the live value", `{"drop":{"d":{"max_age":1}}}`, "a b a b c", "dd..."},
		{"drop: exactly as old stays", `{"drop":{"d":{"max_age":3}}}`, "a a a a a", "dd..."},
		{"drop: a tombstone, and before it", `{"drop":{"d":{"max_age":1}}}`, "a a,end b b,end c", "dddd."},
		{"drop: a tombstone before a new life", `{"drop":{"d":{"max_age":1}}}`, "a a,end a", "dd."},
		{"drop: versions", `{"drop":{"d":{"max_versions":2}}}`, "a a a b a b", "dd...."},
		{"drop: one version", `{"drop":{"d":{"max_versions":1}}}`, "a a b a,end b", "ddd.."},
		{"drop: events", `{"drop":{"d":{"max_events":2}}}`, "a b b c c", ".d..."},
		{"drop: bytes", `{"drop":{"d":{"max_bytes":20}}}`, "a,size=9 b,size=9 b,size=9 c,size=9", ".d.."},
		{"drop: beyond any limit", `{"drop":{"d":{"max_age":2,"max_versions":1}}}`, "a b b b a a", "ddd.d."},
		{"drop: superseded by what is not selected", `{"drop":{"d":{"max_age":1,"type":"x"}}}`, "a,type=x b,type=x b c", ".d.."},

		{"drop_live: age", `{"drop":{"d":{"max_age":2,"drop_live":true}}}`, "a b a,end c c", "DDD.."},
		{"drop_live: versions are never the value", `{"drop":{"d":{"max_versions":1,"drop_live":true}}}`, "a a b", "D.."},
		{"drop_live: events", `{"drop":{"d":{"max_events":2,"drop_live":true}}}`, "a b c d", "DD.."},
		{"drop_live: bytes", `{"drop":{"d":{"max_bytes":25,"drop_live":true}}}`, "a,size=9 b,size=9 c,size=9", "D.."},
		{"drop_live: history takes no place from values", `{"drop":{"d":{"max_events":2,"drop_live":true}}}`, "b a a a a", ".DD.."},
		{"drop_live: values do from history", `{"drop":{"d":{"max_events":2,"drop_live":true}}}`, "a a b c", "DD.."},
		{"drop_live: all goes when the values are too many", `{"drop":{"d":{"max_events":1,"drop_live":true}}}`, "a,end d b a a", "DDDD."},

		{"select: type", `{"drop":{"d":{"type":"x","max_events":1,"drop_live":true}}}`, "a b,type=x c,type=xy d,type=x", ".D.."},
		{"select: no type", `{"drop":{"d":{"type":"","max_events":1,"drop_live":true}}}`, "a b,type=x c", "D.."},
		{"select: labels", `{"keep":{"k":{"labels":{"l":"1","m":""}}}}`, "a b,l=1 c,l=1,m=2 d,l=1,m= e,l=1,m=,n=7 f,l=2,m=", "...KK."},
		{"select: object", `{"keep":{"k":{"objects":["ab"]}}}`, "a ab abc", ".K."},
		{"select: beginning of objects", `{"keep":{"k":{"objects":["ab*","x"]}}}`, "a ab abc b x xy", ".KK.K."},
		{"select: every object", `{"keep":{"k":{"objects":["*"]}}}`, "a ab", "KK"},
		{"select: the chain", `{"keep":{"k":{"chains":["example.com/joe/db"]}}}`, "a", "K"},
		{"select: beginning of chains", `{"keep":{"k":{"chains":["x/y","example.com/*"]}}}`, "a", "K"},
		{"select: other chains", `{"keep":{"k":{"chains":["example.com/joe/d","example.com/joe/dbs*"]}}}`, "a", "."},
		{"select: all that is said", `{"keep":{"k":{"type":"x","objects":["a*"]}}}`, "a a,type=x b,type=x", ".K."},
		{"select: counts what is selected alone", `{"keep":{"k":{"type":"x","max_versions":1}}}`, "a,type=x a,type=x a", ".K."},

		{"keep beats drop", `{"keep":{"k":{"max_versions":1}},"drop":{"d":{"max_age":1,"drop_live":true}}}`, "a b a c", "DKKK"},
		{"the strongest of drops", `{"drop":{"a":{"max_age":1},"z":{"type":"x","max_age":2,"drop_live":true}}}`, "a a a,type=x b c", "ddD.."},
		{"a rule that counts values, beside one that asks for the newest", `{"drop":{"a":{"max_events":1,"drop_live":true,"type":"x"},"b":{"max_age":1}}}`, "q p,type=x q r,type=x s,type=x t", "dD.D.."},
	} {
		t.Run(c.what, func(t *testing.T) {
			if got := votes(t, configured(t, c.config), chain(c.chain)); got != c.want {
				t.Errorf("%s\nfor  %s\ngives %s\nwant  %s", c.config, c.chain, got, c.want)
			}
		})
	}
}

// TestBesideStandard holds the README's table against the contract's rule for
// several strategies. The standard strategy's votes are written out.
func TestBesideStandard(t *testing.T) {
	// outcome is + for what stays and - for what goes.
	outcome := func(standard, retention string) string {
		out := []byte(standard)
		for i := range out {
			strongest := max(strings.IndexByte(letters, standard[i]), strings.IndexByte(letters, retention[i]))
			if out[i] = '+'; compaction.Vote(strongest).Drops() {
				out[i] = '-'
			}
		}
		return string(out)
	}
	const events, standard = "a a a b c c", "ddkkdk"
	for config, want := range map[string]string{
		`{}`:                               "--++-+",
		`{"keep":{"k":{"max_age":"30d"}}}`: "++++++",
		`{"keep":{"k":{"max_age":5}}}`:     "-+++++",
		`{"drop":{"d":{"max_age":2}}}`:     "--++-+",
		`{"drop":{"d":{"max_age":2,"drop_live":true}}}`:                                      "-----+",
		`{"drop":{"d":{"max_age":2,"drop_live":true}},"keep":{"k":{"objects":["b","zz*"]}}}`: "---+-+",
	} {
		if got := outcome(standard, votes(t, configured(t, config), chain(events))); got != want {
			t.Errorf("%s: of %q stays %s; want %s", config, events, got, want)
		}
	}
}

// TestAgeBoundary proves that the limit is exact to the microsecond, and that
// it goes by the commit's time and not by the application's.
func TestAgeBoundary(t *testing.T) {
	c := chain("a a a")
	now := c.Info().Now
	c[0].Time, c[1].Time = now.Add(-time.Hour-time.Microsecond), now.Add(-time.Hour)
	c[0].Header.Time, c[1].Header.Time = now, now.Add(-9*time.Hour)
	if got := votes(t, configured(t, `{"drop":{"d":{"max_age":"1h"}}}`), c); got != "d.." {
		t.Errorf("the votes are %s; want d..", got)
	}
}

// TestEarlyEnd proves that a plan reads no event that gets no vote, so that a
// chain with nothing to do costs nothing.
func TestEarlyEnd(t *testing.T) {
	for config, want := range map[string]int{
		`{}`: 0, `{"drop":{"d":{"chains":["other/chain"],"max_age":1}}}`: 0,
		`{"keep":{"k":{"max_events":3}}}`:                      4,
		`{"keep":{"k":{"max_events":3},"l":{"max_age":"5s"}}}`: 6,
		`{"keep":{"k":{"max_versions":3}}}`:                    10,
		`{"drop":{"d":{"max_events":3,"drop_live":true}}}`:     10,
	} {
		shown := 0
		c := chain("a b c d e f g h i j")
		events := func(yield func(compaction.Event, error) bool) {
			for e := range c.NewestFirst() {
				if shown++; !yield(e, nil) {
					return
				}
			}
		}
		if err := configured(t, config).Plan(t.Context(), c.Info(), events, func(event.Seq, compaction.Vote) {}); err != nil || shown != want {
			t.Errorf("%s reads %d events, %v; want %d", config, shown, err, want)
		}
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
	got := []byte("....")
	s := configured(t, `{"drop":{"d":{"max_versions":1},"e":{"max_events":1}}}`)
	err := s.Plan(t.Context(), compaction.Chain{}, events, func(seq event.Seq, v compaction.Vote) { got[seq] = letters[v] })
	if err != nil || string(got) != "dd.." {
		t.Errorf("the votes are %s, %v; want dd..", got, err)
	}
}

// TestReadErrorEndsThePlan is for plans that are not over before the error.
func TestReadErrorEndsThePlan(t *testing.T) {
	broken := errors.New("the log cannot be read")
	var events iter.Seq2[compaction.Event, error] = func(yield func(compaction.Event, error) bool) { yield(compaction.Event{}, broken) }
	err := configured(t, `{"keep":{"k":{}}}`).Plan(t.Context(), compaction.Chain{}, events, func(event.Seq, compaction.Vote) {})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestRules proves that only chains of which something is dropped are compacted
// by the timer.
func TestRules(t *testing.T) {
	hour, minute := compaction.Trigger{Timer: time.Hour}, compaction.Trigger{Timer: time.Minute}
	for config, want := range map[string]map[chainname.Name]compaction.Trigger{
		`{}`:                           {"a/b": {}},
		`{"timer":60,"keep":{"k":{}}}`: {"a/b": {}},
		`{"drop":{"d":{"max_age":1}}}`: {"a/b": hour},
		`{"timer":60,"drop":{"d":{"chains":["a/*","c/d"],"max_age":1},"e":{"chains":["a/*"],"max_age":2}}}`: {"a/b": minute, "c/d": minute, "c/de": {}},
		`{"drop":{"d":{"chains":["a/*"],"max_age":1},"e":{"max_age":2}}}`:                                   {"a/b": hour, "c/d": hour},
	} {
		rules, err := configured(t, config).Rules(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for name, trigger := range want {
			if got := rules.For(name); got != trigger {
				t.Errorf("%s: chain %s has %+v; want %+v", config, name, got, trigger)
			}
		}
		if len(rules.Chains) > 2 {
			t.Errorf("%s: a pattern is named twice: %+v", config, rules.Chains)
		}
	}
}
