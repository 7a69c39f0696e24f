package stores

import (
	"testing"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/chain/modeltest"
	"github.com/atedb/atedb/core/fanout"
	"github.com/atedb/atedb/plugins/trust/distributed"
	"github.com/atedb/atedb/sdk/event"
)

// TestModel holds chains over each storage plugin, in each mode of trust, against
// an oracle: see package modeltest. Their subscribers are fed as the daemon feeds
// them.
func TestModel(t *testing.T) {
	for name, disk := range map[string]func() modeltest.Disk{
		"file":   func() modeltest.Disk { return newFiles() },
		"memory": func() modeltest.Disk { return newRAM() },
	} {
		for _, mode := range []event.Trust{event.Centralized, event.Distributed} {
			t.Run(name+"/"+mode.String(), func(t *testing.T) {
				t.Parallel()
				modeltest.Run(t, modeltest.Options{Trust: mode, Disk: disk(), Validator: distributed.New(), Feed: newFeed})
			})
		}
	}
}

// feed is the daemon's.
type feed struct{ *fanout.Feed }

func newFeed(log chain.Log, next event.Seq) modeltest.Feed { return feed{fanout.NewFeed(log, next)} }

// Subscribe implements modeltest.Feed.
func (f feed) Subscribe(from event.Seq) modeltest.Subscriber { return f.Feed.Subscribe(from) }
