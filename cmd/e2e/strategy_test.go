package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
)

// TestHostileStrategy has a plugin vote on chains, beside the standard one, that
// does to each what its name says; testdata/hostile has the list. One chain is
// compacted at a time. Whatever it does, no value that lives is lost, the log says
// who did it, and the chains that it leaves alone are compacted.
func TestHostileStrategy(t *testing.T) {
	t.Parallel()
	ctx, data := testContext(t), t.TempDir()
	config := filepath.Join(t.TempDir(), "atedb.hcl")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
no_auth = true
compaction "standard" { mode = "modified" }
compaction "hostile" {}
plugin "compaction" "hostile" { path = %q }
limits { strategy_patience = "1s" }
`, filepath.Join(bin, "hostile")), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDaemonWith(t, []string{"--config", config, "--no-wire-encryption", "solo"}, data)
	blocked := []string{"deaf", "hang", "die", "endless", "beyond", "unknown", "fail"}
	compacted := []string{"all", "flood", "idle"}
	for _, name := range append(blocked, compacted...) {
		supersede(t, ctx, d.url("example.com/joe/"+name))
	}
	for _, name := range compacted {
		for began := time.Now(); eventsOf(t, ctx, d.url("example.com/joe/"+name)) > 2*supersededObjects; time.Sleep(100 * time.Millisecond) {
			if time.Since(began) > time.Minute {
				t.Fatalf("chain %s is not compacted", name)
			}
		}
	}
	for _, name := range blocked {
		d.awaitLog(t, map[string]string{"@message": "a compaction failed", "chain": "example.com/joe/" + name, "error": "compaction strategy hostile: "})
		if got := eventsOf(t, ctx, d.url("example.com/joe/"+name)); got < supersededRounds*supersededObjects {
			t.Errorf("chain %s, whose compactions failed, has %d events of %d", name, got, supersededRounds*supersededObjects)
		}
	}
	for _, name := range []string{"all", "flood"} {
		d.awaitLog(t, map[string]string{"@message": "wanted values dropped that live", "chain": "example.com/joe/" + name, "strategy": "hostile"})
	}
	for _, again := range []bool{false, true} {
		if again {
			d.stop()
			d.restart()
		}
		for _, name := range append(blocked, compacted...) {
			follow(t, ctx, d.url("example.com/joe/"+name)).await(t, supersededValues())
		}
	}
	reader := newPerson(t, false)
	for _, name := range append(blocked, compacted...) {
		reader.must("verify", d.url("example.com/joe/"+name))
	}
}

// What supersede leaves: objects that were written a number of times.
const supersededObjects, supersededRounds, supersededSize = 20, 10, 10_000

func supersede(t *testing.T, ctx context.Context, url string) {
	t.Helper()
	c, err := client.Dial(ctx, url, client.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for round := range supersededRounds {
		batch := client.Batch{}
		for o := range supersededObjects {
			batch.Events = append(batch.Events, client.Event{
				Header: event.Header{Key: fmt.Append(nil, "object ", o)}, Data: fmt.Appendf(nil, "%d %0*d", round, supersededSize, o),
			})
		}
		if _, err := c.Submit(ctx, batch).Wait(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

func supersededValues() map[string]string {
	values := make(map[string]string)
	for o := range supersededObjects {
		values[fmt.Sprint("object ", o)] = fmt.Sprintf("%d %0*d", supersededRounds-1, supersededSize, o)
	}
	return values
}

// eventsOf returns how many events a chain has.
func eventsOf(t *testing.T, ctx context.Context, url string) (n int) {
	t.Helper()
	c, err := client.Dial(ctx, url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sub, err := c.Subscribe(client.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := sub.Next(ctx); err == io.EOF {
			return n
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
}

// awaitLog waits for a line of the daemon's log whose values contain these.
func (d *daemon) awaitLog(t *testing.T, want map[string]string) {
	t.Helper()
	for began := time.Now(); !d.logged(want); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("the log has no line with %v", want)
		}
	}
}

func (d *daemon) logged(want map[string]string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
line:
	for _, text := range d.log {
		var line map[string]any
		if json.Unmarshal([]byte(text), &line) != nil {
			continue
		}
		for key, value := range want {
			if !strings.Contains(fmt.Sprint(line[key]), value) {
				continue line
			}
		}
		return true
	}
	return false
}
