package retention

import (
	"strconv"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/compaction/compactiontest"
	"github.com/atedb/atedb/sdk/event"
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

// chain makes a chain of events in words, oldest first, a second apart, the
// newest a second old: an object's key, and what else there is to say, such as
// "a", "a,end", "a,type=x,size=10,colour=green".
func chain(words string) compactiontest.Chain {
	var c compactiontest.Chain
	for i, word := range strings.Fields(words) {
		parts := strings.Split(word, ",")
		c = c.Add(strings.ReplaceAll(parts[0], "^", event.ReservedPrefix), false)
		c[i].DataSize = 0
		h := &c[i].Header
		for _, part := range parts[1:] {
			key, value, _ := strings.Cut(part, "=")
			switch key {
			case "end":
				h.Tombstone = true
			case "type":
				h.Type = value
			case "size":
				c[i].DataSize, _ = strconv.Atoi(value)
			default:
				if h.Labels == nil {
					h.Labels = make(map[string]string)
				}
				h.Labels[key] = value
			}
		}
	}
	return c
}

// letters are the votes, weakest first, as tables write them.
const letters = ".dkDK"

// votes returns the votes on a chain, a letter for each event, oldest first.
func votes(tb testing.TB, s compaction.Strategy, c compactiontest.Chain) string {
	tb.Helper()
	cast := compactiontest.Votes(tb, s, c)
	out := make([]byte, len(c))
	for i := range c {
		out[i] = letters[cast[c[i].Seq]]
	}
	return string(out)
}
