package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
)

// TestChainShrinksByItself supersedes some objects many times, under the default
// settings, while somebody follows and somebody writes: the records become less
// than twice what lives, and the follower and whoever comes later end with the
// newest values.
func TestChainShrinksByItself(t *testing.T) {
	const objects, valueSize = 1000, 2000
	rounds := 200
	if raceEnabled {
		rounds = 20
	}
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	data := t.TempDir()
	d := startDaemon(t, data)
	url := d.url("example.com/joe/grow")
	writer, err := client.Dial(ctx, url, client.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	follower := follow(t, ctx, url)

	newest := make(map[string]string)
	write := func(round, from, to int) {
		batch := client.Batch{}
		for o := from; o < to; o++ {
			key, value := fmt.Sprintf("object-%d", o), fmt.Sprintf("value %d of object %d %0*d", round, o, valueSize, 0)
			newest[key] = value
			batch.Events = append(batch.Events, client.Event{Header: event.Header{Key: []byte(key)}, Data: []byte(value)})
		}
		if _, err := writer.Submit(ctx, batch).Wait(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for round := range rounds {
		write(round, 0, objects)
	}
	const live = objects * (valueSize + 100)
	for began, n := time.Now(), 0; recordBytes(t, data) > 2*live; n++ {
		if time.Since(began) > 3*time.Minute { // it takes half a minute on a machine that has nothing else to do
			t.Fatalf("the records take %d bytes, of which %d live", recordBytes(t, data), live)
		}
		write(rounds+n, n%objects, n%objects+1)
		time.Sleep(50 * time.Millisecond)
	}
	follower.await(t, newest)
	follow(t, ctx, url).await(t, newest)
}

// recordBytes returns how many bytes the records of the chains in a folder take.
func recordBytes(t *testing.T, folder string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(folder, "db"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasPrefix(entry.Name(), "SEGMENT-") {
			return nil // it may have been removed meanwhile
		}
		if info, err := entry.Info(); err == nil {
			bytes += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// follower keeps the newest value of each object of a chain that has one. It fails
// if it is told that it may miss tombstones.
type follower struct {
	mu     sync.Mutex
	values map[string]string
	err    error
}

func follow(t *testing.T, ctx context.Context, url string) *follower {
	t.Helper()
	c, err := client.Dial(ctx, url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	f := &follower{values: make(map[string]string)}
	sub, err := c.Subscribe(client.SubscribeOptions{From: 1, Live: true, OnCompacted: func(what client.Compacted) {
		if what.Forgotten {
			f.mu.Lock()
			f.err = fmt.Errorf("what lives is not certain any more: %+v", what)
			f.mu.Unlock()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		last := event.Seq(0)
		for f.failure() == nil {
			e, err := sub.Next(ctx)
			f.mu.Lock()
			switch {
			case err != nil:
				f.err = err
			case e.Seq < last:
				f.err = fmt.Errorf("event %d comes after %d", e.Seq, last)
			case event.IsReserved(e.Header.Key): // what the server says of what lives
				last = e.Seq
			case e.Header.Tombstone:
				last = e.Seq
				delete(f.values, string(e.Header.Key))
			default:
				last = e.Seq
				f.values[string(e.Header.Key)] = string(e.Data)
			}
			f.mu.Unlock()
		}
	}()
	return f
}

func (f *follower) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// await waits until the objects have these values.
func (f *follower) await(t *testing.T, want map[string]string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		f.mu.Lock()
		same, err := maps.Equal(f.values, want), f.err
		f.mu.Unlock()
		switch {
		case err != nil:
			t.Fatal(err)
		case same:
			return
		case time.Since(began) > 2*time.Minute:
			t.Fatal("not all objects have their newest values")
		}
	}
}
