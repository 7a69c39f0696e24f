package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
)

const (
	liveShare = 100 // events for each live object
	perGrowth = 10  // events in a commit while chains grow
	tooYoung  = 11 * time.Second
	patience  = 30 * time.Minute // for compactions
)

// Strategies that never want a compaction, and that want one when a chain is
// opened which has grown by a mebibyte.
var (
	growing    = append([]string{"--compact-mode", "never"}, clearText...)
	compacting = append([]string{"--compact-mode", "size", "--compact-threshold-size", "1"}, clearText...)
)

// measureCompaction grows two chains of which one event in a hundred lives. It
// has one of them compacted alone, and the other while it is written to.
func measureCompaction(ctx context.Context, b *bench) error {
	return b.withServer(ctx, growing, func(d *daemon) error {
		if err := b.growChains(ctx, d); err != nil {
			return err
		}
		if err := d.become(ctx, b.bin, compacting); err != nil {
			return err
		}
		if err := b.compactAlone(ctx, d); err != nil {
			return err
		}
		return b.compareLoad(ctx, d, "loaded")
	})
}

func (b *bench) growChains(ctx context.Context, d *daemon) error {
	if err := b.makeObjects(ctx, d, "fresh", b.compactEvents/liveShare); err != nil {
		return err
	}
	for _, db := range []string{"grown", "loaded"} {
		if err := b.grow(ctx, d, db, b.compactEvents); err != nil {
			return err
		}
	}
	time.Sleep(tooYoung)
	return nil
}

// grow appends to a chain. Every hundredth event makes an object that stays as
// it is, the others supersede a few: what lives lies all over the chain.
func (b *bench) grow(ctx context.Context, d *daemon, db string, events int) error {
	c, err := b.dial(ctx, d, db)
	if err != nil {
		return err
	}
	defer c.Close()
	pending := make([]*client.Pending, inFlight)
	data := make([]byte, b.compactData)
	for i := range events / perGrowth {
		slot := &pending[i%inFlight]
		if *slot != nil {
			if _, err := (*slot).Wait(ctx); err != nil {
				return err
			}
		}
		var batch client.Batch
		for n := range perGrowth {
			batch.Events = append(batch.Events, version(i*perGrowth+n, data))
		}
		*slot = c.Submit(ctx, batch)
	}
	for _, p := range pending {
		if p == nil {
			continue
		}
		if _, err := p.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// version returns the n-th event of a chain that grows.
func version(n int, data []byte) client.Event {
	key := fmt.Sprintf("hot-%d", n%liveShare)
	if n%liveShare == 0 {
		key = fmt.Sprintf("object-%d", n)
	}
	return client.Event{Header: event.Header{Key: []byte(key)}, Data: data}
}

// compactAlone compares the compaction of a chain, without other load, with
// reading its segments, and its opening afterwards with that of a chain that
// has never had anything but the same live objects.
func (b *bench) compactAlone(ctx context.Context, d *daemon) error {
	folder := d.chainFolder("grown")
	cat, bytes, err := readSegments(folder)
	if err != nil {
		return err
	}
	watch := watchResources(d, folder)
	c, err := b.dial(ctx, d, "grown")
	if err != nil {
		return err
	}
	lines, err := d.awaitCompactions(ctx, "grown", 1)
	c.Close()
	peak := watch.stop()
	if err != nil {
		return err
	}
	done := lines[0]
	_, left, err := readSegments(folder)
	if err != nil {
		return err
	}
	report(fmt.Sprintf("compacting %d events, 1 in %d live", done.Events, liveShare), "%s, %.0f events/s, %.0f MB/s, %.1f × reading the segments from the cache (%s)",
		done.Took.Round(time.Millisecond), float64(done.Events)/done.Took.Seconds(), float64(bytes)/1e6/done.Took.Seconds(), done.Took.Seconds()/cat.Seconds(), cat.Round(time.Millisecond))
	report("its disk space", "%.1f MB before, %.1f MB after, at most %.1f MB more meanwhile", float64(bytes)/1e6, float64(left)/1e6, float64(peak.disk-bytes)/1e6)
	report("memory that came on top", "%s", peak.memory)
	report("processor time", "%s", peak.cpu)
	return b.compareOpening(ctx, d)
}

func (b *bench) compareOpening(ctx context.Context, d *daemon) error {
	if err := d.become(ctx, b.bin, growing); err != nil {
		return err
	}
	var took [3]time.Duration // the first client of a server waits longer
	for i, db := range []string{"warm", "fresh", "grown"} {
		began := time.Now()
		c, err := b.dial(ctx, d, db)
		if err != nil {
			return err
		}
		took[i] = time.Since(began)
		c.Close()
	}
	report("opening it afterwards", "%s, %.2f × a chain of its live objects alone", took[2].Round(time.Microsecond*100), took[2].Seconds()/took[1].Seconds())
	return d.become(ctx, b.bin, compacting)
}

// makeObjects makes a chain of nothing but objects.
func (b *bench) makeObjects(ctx context.Context, d *daemon, db string, objects int) error {
	c, err := b.dial(ctx, d, db)
	if err != nil {
		return err
	}
	defer c.Close()
	return appendMany(ctx, c, objects/perGrowth, inFlight, perGrowth)
}

// readSegments reads a chain's segments as they are, and says how long that
// took and how many bytes they have.
func readSegments(folder string) (took time.Duration, bytes int64, err error) {
	paths, err := filepath.Glob(filepath.Join(folder, "SEGMENT-*"))
	if err != nil {
		return 0, 0, err
	}
	buf, began := make([]byte, 1<<20), time.Now()
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return 0, 0, err
		}
		n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{f}, buf)
		f.Close()
		if err != nil {
			return 0, 0, err
		}
		bytes += n
	}
	return time.Since(began), bytes, nil
}
