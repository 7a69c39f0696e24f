package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/plugins/storage/file"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage"
)

// What aged puts into a chain: objects, each written a number of times.
const agedObjects, agedRounds = 500, 60

func agedValue(object, round int) string { return fmt.Sprintf("%d of %d %0300d", round, object, 0) }

// aged puts chains into a folder, as storage-file keeps them, whose events are an
// hour old: compaction drops all but the newest value of each object.
func aged(t *testing.T, folder string, names []string) {
	t.Helper()
	store, err := file.Open(file.Options{Path: folder})
	if err != nil {
		t.Fatal(err)
	}
	hourAgo := time.Now().Add(-time.Hour)
	for _, name := range names {
		c, err := store.Open(t.Context(), chainname.Name(name), true)
		if err != nil {
			t.Fatal(err)
		}
		log := storeLog{c, store}
		if err := chain.Create(log, event.NewGenesis(chainname.Name(name), event.Centralized, nil), hourAgo); err != nil {
			t.Fatal(err)
		}
		for round := range agedRounds {
			b := event.Batch{First: event.Seq(1 + round*agedObjects), Time: hourAgo.UnixMicro(), Count: agedObjects, Commit: event.CommitID{1, byte(round)}}
			for object := range agedObjects {
				h := event.Header{Key: fmt.Append(nil, "object ", object)}
				header, err := h.Encode()
				if err != nil {
					t.Fatal(err)
				}
				b.Frames = event.AppendFrame(b.Frames, header, []byte(agedValue(object, round)))
			}
			if err := log.Append(b.AppendRecord(nil)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := store.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// storeLog is an open chain of a store as what makes a chain wants it.
type storeLog struct {
	storage.Chain
	store *file.Store
}

func (l storeLog) Append(records []byte) error {
	return l.store.Append([]storage.AppendRequest{{Chain: l.Chain, Records: records}})[0]
}

// TestKillsWhileCompacting kills the daemon, or the storage plugin, or both, at
// some moment of a compaction, while somebody follows and somebody writes: then
// the compaction is done, or can be, all lives that lived, and is proven to.
func TestKillsWhileCompacting(t *testing.T) {
	t.Parallel()
	ctx, data := testContext(t), t.TempDir()
	var names []string
	for i := range 6 {
		names = append(names, fmt.Sprint("example.com/joe/aged", i))
	}
	aged(t, data, names)
	config := filepath.Join(t.TempDir(), "atedb.hcl")
	if err := os.WriteFile(config, []byte(`compaction "standard" { mode = "never" }`), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDaemonWith(t, []string{"--config", config, "--no-auth", "--no-wire-encryption", "solo"}, data)
	compact := func(name string) *exec.Cmd {
		return atedb(ctx, "--config", config, "chain", "compact", name, "--logs-path", data)
	}
	reader := newPerson(t, false)
	for i, name := range names {
		want := make(map[string]string)
		for object := range agedObjects {
			want[fmt.Sprint("object ", object)] = agedValue(object, agedRounds-1)
		}
		follower := follow(t, ctx, d.url(name))
		writer, err := client.Dial(ctx, d.url(name), client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		running := compact(name)
		if err := running.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
		pid := d.plugin("storage-file")
		if i%3 != 0 {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		if i%3 != 1 {
			d.kill()
			awaitGone(t, pid)
			d.restart()
		}
		_ = running.Wait() // whatever became of it
		for n := range 20 {
			key, value := fmt.Sprint("object ", n), fmt.Sprint("new ", n)
			if _, err := writer.Commit(ctx, client.Event{Header: event.Header{Key: []byte(key)}, Data: []byte(value)}); err != nil {
				t.Fatal(err)
			}
			want[key] = value
		}
		writer.Close()
		out, err := compact(name).CombinedOutput()
		if err != nil {
			t.Fatalf("compacting %s again: %v: %s", name, err, out)
		}
		if n := eventsOf(t, ctx, d.url(name)); n > agedObjects+20+10 {
			t.Errorf("of chain %s %d events are left: %s", name, n, out)
		}
		follower.await(t, want)
		follow(t, ctx, d.url(name)).await(t, want)
		reader.must("verify", d.url(name))
		verify := compact(name)
		verify.Args[4] = "verify"
		if out, err := verify.CombinedOutput(); err != nil || !strings.Contains(string(out), "dropped") {
			t.Errorf("verifying %s: %v: %s", name, err, out)
		}
	}
	d.stop()
}
