package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
)

const secretText = "the secret that is to be gone from the disk"

// filesWithSecret returns the files below a folder that hold the secret, or its
// end.
func filesWithSecret(t *testing.T, folder string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) { // it was removed meanwhile
			return nil
		}
		if bytes.Contains(b, []byte(secretText[10:])) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// putSecrets writes versions of an object with the secret, among others, to a
// chain and to its neighbour.
func putSecrets(t *testing.T, ctx context.Context, url, neighbour string, versions int) {
	t.Helper()
	for _, u := range []string{url, neighbour} {
		c, err := client.Dial(ctx, u, client.Options{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := range versions {
			events := []client.Event{{Header: event.Header{Key: fmt.Appendf(nil, "other-%d", i%5)}, Data: fmt.Appendf(nil, "other value %d", i)}}
			if u == url {
				secret := client.Event{Header: event.Header{Key: []byte("secret")}, Data: []byte(strings.Repeat(secretText+" ", 1+i*7%300))}
				events = append(events, secret)
			}
			if _, err := c.Submit(ctx, client.Batch{Events: events}).Wait(ctx); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
	}
}

// TestErase has data erased, under both modes of trust: it is in no file, nobody
// else has lost anything, and everything verifies.
func TestErase(t *testing.T) {
	for _, trust := range []string{"centralized", "distributed"} {
		t.Run(trust, func(t *testing.T) {
			data := t.TempDir()
			d := startDaemon(t, data, "--trust", trust)
			url, neighbour := d.url("example.com/joe/mydb"), d.url("example.com/joe/other")
			joe, eve := newPerson(t, true), newPerson(t, true)
			joe.must("put", url, "kept", "kept value")
			for i := range 22 {
				joe.must("put", url, "secret", strings.Repeat(secretText+" ", 1+i*37%300))
			}
			joe.must("put", neighbour, "kept", "neighbour's value")
			joe.must("verify", url)
			if len(filesWithSecret(t, data)) == 0 {
				t.Fatal("the secret is nowhere")
			}
			d.stop() // it is now in the chain's files, and in spare ones of the journal
			d.restart()
			joe.must("put", url, "secret", secretText+" once more") // and in the journal's present one
			if trust == "distributed" {
				eve.refused([]string{"[not_authorized]"}, "erase", url, "secret")
				if got := joe.must("get", url, "secret"); got != secretText+" once more" {
					t.Fatalf("after Eve's attempt there is %q", got)
				}
			}
			for i, want := range []string{"erased the data of 23 events\n", "erased the data of 0 events\n"} {
				if got := joe.must("erase", url, "secret"); got != want {
					t.Errorf("time %d: ate erase says %q", i+1, got)
				}
				if found := filesWithSecret(t, data); len(found) > 0 {
					t.Fatalf("the secret is in %v", found)
				}
			}
			for range 2 {
				if status, _, stderr := joe.ate("get", url, "secret"); status != 3 {
					t.Errorf("getting what was erased exits with %d: %s", status, stderr)
				}
				if got := joe.must("get", url, "kept"); got != "kept value" {
					t.Errorf("what was kept is %q", got)
				}
				if got := joe.must("get", neighbour, "kept"); got != "neighbour's value" {
					t.Errorf("what the neighbour has is %q", got)
				}
				joe.must("verify", url)
				joe.must("verify", neighbour)
				eve.must("verify", url)
				if log := joe.must("log", url); strings.Contains(log, secretText) || strings.Count(log, "secret") < 23 {
					t.Errorf("the log says %s", log)
				}
				d.kill()
				d.restart()
			}
		})
	}
}

// TestEraseSurvivesKills kills the daemon, or its storage, in the middle of
// erasures: the client asks again by itself, and when it has its answer the data
// is gone; everything else is there.
func TestEraseSurvivesKills(t *testing.T) {
	ctx := testContext(t)
	data := t.TempDir()
	d := startDaemon(t, data)
	for i, delay := range []time.Duration{1, 4, 9, 20, 40, 80, 150, 300} {
		url := d.url(fmt.Sprintf("example.com/joe/erase%d", i))
		putSecrets(t, ctx, url, d.url("example.com/joe/neighbour"), 60)
		c, err := client.Dial(ctx, url, client.Options{Backoff: client.Backoff{Max: 100 * time.Millisecond}})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Erase(ctx, []byte("secret")); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(delay * time.Millisecond)
		if i%2 == 0 {
			d.kill()
			d.restart()
		} else if err := syscall.Kill(d.plugin("storage-file"), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if found := filesWithSecret(t, data); len(found) > 0 {
			t.Errorf("killed after %d ms: the secret is in %v", delay, found)
		}
		checkOthers(t, ctx, c, 60)
		c.Close()
	}
}

// checkOthers checks that the objects beside the secret have their newest values.
func checkOthers(t *testing.T, ctx context.Context, c *client.Client, versions int) {
	t.Helper()
	for i := versions - 5; i < versions; i++ {
		e, err := c.Get(ctx, fmt.Appendf(nil, "other-%d", i%5))
		if err != nil || string(e.Data) != fmt.Sprintf("other value %d", i) {
			t.Errorf("another object is %q, %v", e.Data, err)
		}
	}
}
