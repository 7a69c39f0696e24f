package session

import (
	"crypto/rand"
	"fmt"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// BenchmarkCommit measures the daemon's share of an append: from the socket
// through the chain and back, with a log that keeps nothing, and with the
// clients' share of it.
func BenchmarkCommit(b *testing.B) {
	for _, clients := range []int{1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			h := newHost(b)
			h.log.OnAppend = func([]byte) (int, error) { return 0, nil }
			b.SetBytes(1 << 10)
			b.ReportAllocs()
			var wg sync.WaitGroup
			for range clients {
				c := h.connect()
				wg.Go(func() { pipeline(b, c, b.N/clients+1) })
			}
			wg.Wait()
		})
	}
}

// pipeline commits n new objects with 100 unanswered.
func pipeline(b *testing.B, c *client, n int) {
	const window = 100
	m := commit(0, "0123456789abcdef", make([]byte, 1<<10))
	key := m.Frames[event.FrameHeader+2:][:16]
	for i := range n + window {
		if i < n {
			rand.Read(m.Id)
			rand.Read(key)
			c.Queue(wire.Commit, m)
		}
		if i%10 == 9 || i >= n {
			c.Flush()
		}
		if i >= window {
			var answer wirepb.Committed
			c.expect(wire.Committed, &answer)
		}
	}
}
