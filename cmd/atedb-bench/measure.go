package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
)

const (
	eventSize    = 1 << 10 // bytes of data in each event
	connections  = 16
	inFlight     = 100 // unanswered commits of one event, for each connection
	manyInFlight = 10  // the same, when there are very many connections
	loneCommits  = 3000
	warmUp       = 300 // commits that a latency measurement leaves out
)

// bench is what measurements share: what was asked for, and the figures that
// later ones are compared with.
type bench struct {
	bin, dir, scheme string
	events, chains   int
	compactEvents    int
	compactData      int // bytes in each event

	bareSync   time.Duration // p50
	throughput float64       // events/s into one chain

	signer    *keys.SigningKey // of the clients
	perCommit int              // events; 0 is 1
}

// measurement measures one thing.
type measurement struct {
	name string
	run  func(context.Context, *bench) error
}

var measurements = []measurement{
	{"lone client", onServer(measureLone)},
	{"throughput", onServer(measureThroughput)},
	{"many chains", onServer(measureManyChains)},
	{"hashing", measureHashing},
	{"handshake", measureHandshake},
	{"encryption", measureEncryption},
	{"seals", measureSeals},
	{"accounts", measureAccounts},
	{"compaction", measureCompaction},
}

// onServer is a measurement on a server of its own.
func onServer(run func(context.Context, *bench, *daemon) error) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		return b.withServer(ctx, clearText, func(d *daemon) error { return run(ctx, b, d) })
	}
}

// withServer runs something with a server over an empty folder.
func (b *bench) withServer(ctx context.Context, flags []string, run func(*daemon) error) error {
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return err
	}
	d, err := startDaemon(ctx, b.bin, dir, flags)
	if err != nil {
		return err
	}
	err = errors.Join(run(d), d.stop())
	if err == nil {
		err = os.RemoveAll(dir)
	}
	return err
}

func report(name, format string, args ...any) {
	fmt.Printf("%-44s %s\n", name, fmt.Sprintf(format, args...))
}

func (b *bench) dial(ctx context.Context, d *daemon, db string) (*client.Client, error) {
	return client.Dial(ctx, b.scheme+"://"+d.addr+"/db/bench.test/joe/"+db, client.Options{
		Create: true, Agent: "atedb-bench", Signer: b.signer,
		OnUnknownServer: func(string, identity.Fingerprint) bool { return true }, // it is this machine's
	})
}

// newEvent returns an event of the measured size for a new object.
func newEvent(data []byte) client.Event {
	return client.Event{Header: event.Header{Key: event.NewKey()}, Data: data}
}

// measureLone compares a client that waits for each answer with the disk.
func measureLone(ctx context.Context, b *bench, d *daemon) error {
	c, err := b.dial(ctx, d, "lone")
	if err != nil {
		return err
	}
	defer c.Close()
	bare, err := newBareDisk(b.dir)
	if err != nil {
		return err
	}
	defer bare.Close()
	data := make([]byte, eventSize)
	// Alternating, so that a disturbance of the disk meets both.
	var lone, disk []time.Duration
	for i := range warmUp + loneCommits {
		start := time.Now()
		if _, err := c.Commit(ctx, newEvent(data)); err != nil {
			return err
		}
		committed := time.Now()
		if err := bare.write(data); err != nil {
			return err
		}
		if i >= warmUp {
			lone = append(lone, committed.Sub(start))
			disk = append(disk, time.Since(committed))
		}
	}
	b.bareSync = percentile(disk, 50)
	report("bare 1 KiB write + fdatasync, recycled file", "p50 %s, p99 %s", b.bareSync, percentile(disk, 99))
	report("lone client, durable commit of 1 KiB", "p50 %s, p99 %s, %.2f × bare", percentile(lone, 50), percentile(lone, 99),
		float64(percentile(lone, 50))/float64(b.bareSync))
	return nil
}

func percentile(d []time.Duration, p int) time.Duration {
	slices.Sort(d)
	return d[(len(d)-1)*p/100].Round(time.Microsecond)
}

// bareDisk is the least that a durable write can cost: overwriting blocks that
// have been written before.
type bareDisk struct {
	*os.File
	at int64
}

const bareDiskSize = 8 << 20

func newBareDisk(dir string) (*bareDisk, error) {
	f, err := os.OpenFile(filepath.Join(dir, "bare"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(make([]byte, bareDiskSize))
	return &bareDisk{File: f}, errors.Join(err, f.Sync())
}

func (b *bareDisk) write(p []byte) error {
	if _, err := b.WriteAt(p, b.at); err != nil {
		return err
	}
	b.at = (b.at + int64(len(p))) % (bareDiskSize - int64(len(p)))
	return syscall.Fdatasync(int(b.Fd()))
}

// measureThroughput fills one chain from several connections, replays it, and
// looks at the memory that its objects take.
func measureThroughput(ctx context.Context, b *bench, d *daemon) error {
	if _, err := b.load(ctx, d, []string{"warm"}, b.events/10, inFlight); err != nil {
		return err
	}
	rate, err := b.load(ctx, d, slices.Repeat([]string{"full"}, connections), b.events, inFlight)
	if err != nil {
		return err
	}
	b.throughput = rate
	report(fmt.Sprintf("append, %d connections × %d in flight", connections, inFlight), "%.0f events/s, %.0f MB/s", rate, rate*eventSize/1e6)
	if err := b.replay(ctx, d, "full"); err != nil {
		return err
	}
	return b.memory(ctx, d)
}

// load appends events of eventSize to chains, over one connection for each
// entry of dbs, and returns the rate in events per second.
func (b *bench) load(ctx context.Context, d *daemon, dbs []string, events, inFlight int) (float64, error) {
	clients, err := b.dialAll(ctx, d, dbs)
	if err != nil {
		return 0, err
	}
	errs := make([]error, len(dbs))
	start := time.Now()
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			errs[i] = appendMany(ctx, c, events/len(dbs)/b.batch(), inFlight, b.batch())
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	for _, c := range clients {
		c.Close()
	}
	return float64(events/len(dbs)*len(dbs)) / elapsed.Seconds(), errors.Join(errs...)
}

func (b *bench) dialAll(ctx context.Context, d *daemon, dbs []string) ([]*client.Client, error) {
	clients := make([]*client.Client, len(dbs))
	errs := make([]error, len(dbs))
	limit := make(chan struct{}, 64)
	var wg sync.WaitGroup
	for i, db := range dbs {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			clients[i], errs[i] = b.dial(ctx, d, db)
		})
	}
	wg.Wait()
	return clients, errors.Join(errs...)
}

// batch is how many events are in a commit.
func (b *bench) batch() int { return max(b.perCommit, 1) }

// appendMany makes commits of perCommit events, with a number of them
// unanswered.
func appendMany(ctx context.Context, c *client.Client, commits, inFlight, perCommit int) error {
	data := make([]byte, eventSize)
	pending := make([]*client.Pending, inFlight)
	for i := range commits {
		slot := &pending[i%inFlight]
		if *slot != nil {
			if _, err := (*slot).Wait(ctx); err != nil {
				return err
			}
		}
		events := make([]client.Event, perCommit)
		for k := range events {
			events[k] = newEvent(data)
		}
		*slot = c.Submit(ctx, client.Batch{Events: events})
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

// replay reads a whole chain.
func (b *bench) replay(ctx context.Context, d *daemon, db string) error {
	c, err := b.dial(ctx, d, db)
	if err != nil {
		return err
	}
	defer c.Close()
	end := c.Chain().Next
	start := time.Now()
	sub, err := c.Subscribe(client.SubscribeOptions{})
	if err != nil {
		return err
	}
	defer sub.Close()
	for seq := event.Seq(0); seq < end; seq++ {
		e, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		if e.Seq != seq {
			return fmt.Errorf("event %d came when %d was due", e.Seq, seq)
		}
	}
	rate := float64(end) / time.Since(start).Seconds()
	report(fmt.Sprintf("replay of %d events", end), "%.0f events/s, %.0f MB/s", rate, rate*eventSize/1e6)
	return nil
}

// memory starts the server anew over the same folder, opens the chain, and
// compares its memory before and after.
func (b *bench) memory(ctx context.Context, d *daemon) error {
	fresh, err := d.restart(ctx, b.bin)
	if err != nil {
		return err
	}
	*d = *fresh
	before, err := d.residentBytes()
	if err != nil {
		return err
	}
	start := time.Now()
	c, err := b.dial(ctx, d, "full")
	if err != nil {
		return err
	}
	defer c.Close()
	opened := time.Since(start)
	objects := int64(c.Chain().Next)
	after, err := d.residentBytes()
	if err != nil {
		return err
	}
	report("opening that chain after a restart", "%s", opened.Round(time.Millisecond))
	report("memory of the daemon for it", "%d bytes for each of %d live objects", (after-before)/objects, objects)
	return nil
}

// measureManyChains appends to many chains at once, and for comparison to one
// chain over as many connections, each of which has a cost of its own.
func measureManyChains(ctx context.Context, b *bench, d *daemon) error {
	dbs := make([]string, b.chains)
	for i := range dbs {
		dbs[i] = fmt.Sprintf("chain-%d", i)
	}
	events := max(b.events, manyInFlight*b.chains)
	one, err := b.load(ctx, d, slices.Repeat([]string{"one"}, b.chains), events, manyInFlight)
	if err != nil {
		return err
	}
	report(fmt.Sprintf("append, %d connections to one chain", b.chains), "%.0f events/s%s", one, b.compare(one))
	rate, err := b.load(ctx, d, dbs, events, manyInFlight)
	if err != nil {
		return err
	}
	report(fmt.Sprintf("append, %d connections to a chain each", b.chains), "%.0f events/s, %.2f × one chain's", rate, rate/one)
	return nil
}

func (b *bench) compare(rate float64) string {
	if b.throughput == 0 {
		return ""
	}
	return fmt.Sprintf(", %.2f × that over %d connections", rate/b.throughput, connections)
}
