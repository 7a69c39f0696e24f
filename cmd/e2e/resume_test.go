package e2e

import (
	"context"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
)

// application keeps a copy of a chain's values, and how far it has come, while it
// is stopped, too.
type application struct {
	t      *testing.T
	url    string
	next   event.Seq
	values map[string]string
	told   []client.Compacted
}

func newApplication(t *testing.T, url string) *application {
	return &application{t: t, url: url, next: 1, values: make(map[string]string)}
}

// run brings the copy to the chain's end.
func (a *application) run(ctx context.Context, restart bool) {
	a.t.Helper()
	c, err := client.Dial(ctx, a.url, client.Options{})
	if err != nil {
		a.t.Fatal(err)
	}
	defer c.Close()
	sub, err := c.Subscribe(client.SubscribeOptions{From: a.next, Restart: restart, OnCompacted: func(what client.Compacted) {
		a.told = append(a.told, what)
		if restart && what.Forgotten {
			clear(a.values)
		}
	}})
	if err != nil {
		a.t.Fatal(err)
	}
	for {
		e, err := sub.Next(ctx)
		switch key := string(e.Header.Key); {
		case err == io.EOF:
			return
		case err != nil:
			a.t.Fatal(err)
		case event.IsReserved(e.Header.Key):
		case e.Header.Tombstone:
			delete(a.values, key)
		default:
			a.values[key] = string(e.Data)
		}
		a.next = e.Seq + 1
	}
}

// TestResumeAcrossCompactions stops an application, ends and supersedes objects that
// it knows, compacts the chain twice, so that the tombstones are gone, and kills the
// server. The application is told when it goes on, and ends with exactly the live
// objects. So does one that was connected all the time, without being told that
// tombstones are gone.
func TestResumeAcrossCompactions(t *testing.T) {
	t.Setenv("ATEDB_LIMITS_TOMBSTONE_TIME", "1s")
	for _, trust := range []string{"centralized", "distributed"} {
		t.Run(trust, func(t *testing.T) {
			t.Parallel()
			ctx, data := testContext(t), t.TempDir()
			d := startDaemonWith(t, []string{"--no-auth", "--no-wire-encryption", "--trust", trust, "solo"}, data)
			url := d.url("example.com/joe/resume")
			writer, err := client.Dial(ctx, url, client.Options{Create: true, Signer: keys.NewSigningKey()})
			if err != nil {
				t.Fatal(err)
			}
			defer writer.Close()
			live := make(map[string]string)
			write := func(from, to int, value string) {
				t.Helper()
				batch := client.Batch{}
				for i := from; i < to; i++ {
					key := fmt.Sprint("object ", i)
					if live[key] = value; value == "" {
						delete(live, key)
					}
					batch.Events = append(batch.Events, client.Event{Header: event.Header{Key: []byte(key), Tombstone: value == ""}, Data: []byte(value)})
				}
				if _, err := writer.Submit(ctx, batch).Wait(ctx); err != nil {
					t.Fatal(err)
				}
			}
			write(0, 1000, "first")
			careful, careless := newApplication(t, url), newApplication(t, url)
			careful.run(ctx, true)
			careless.run(ctx, false)
			connected := follow(t, ctx, url)
			write(0, 300, "")
			write(300, 500, "second")
			write(2000, 2100, "new")
			write(2000, 2050, "")
			written := writer.Chain().Next
			time.Sleep(11 * time.Second) // nothing that is younger than 10 is dropped
			compactNow(t, data, 300+200+50)
			compactNow(t, data, 300+50)
			d.kill()
			d.restart()

			careful.run(ctx, true)
			if !maps.Equal(careful.values, live) {
				t.Errorf("the application ends with %d objects, and %d live, or others", len(careful.values), len(live))
			}
			if len(careful.told) != 1 || !careful.told[0].Forgotten || careful.told[0].From != 1001 || careful.told[0].Before < written-50 {
				t.Errorf("it was told %+v", careful.told)
			}
			careless.run(ctx, false)
			if len(careless.values) != len(live)+300 || len(careless.told) != 1 || !careless.told[0].Forgotten {
				t.Errorf("the one that goes on ends with %d objects, told %+v", len(careless.values), careless.told)
			}
			connected.await(t, live)

			joe := newPerson(t, false)
			if status, _, stderr := joe.ate("log", "--from", "1001", url); status != 0 || !strings.Contains(stderr, "some objects have ended") {
				t.Errorf("ate log: %d, %s", status, stderr)
			}
			if listed := strings.Count(joe.must("ls", url), "\n"); listed != len(live) {
				t.Errorf("ate ls lists %d objects, and %d live", listed, len(live))
			}
			joe.must("verify", url)
		})
	}
}

// compactNow has the server compact the chain, which drops at least so many events.
func compactNow(t *testing.T, data string, least int) {
	t.Helper()
	out, err := atedb(t.Context(), "chain", "compact", "example.com/joe/resume", "--logs-path", data).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		var dropped int
		if n, _ := fmt.Sscanf(line, "dropped\t%d", &dropped); n == 1 && dropped >= least {
			return
		}
	}
	t.Fatalf("less than %d events were dropped: %s", least, out)
}
