package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/client"
)

const (
	loaders       = 4
	loadersFlight = 25 // unanswered commits of each
	cycles        = 4  // compactions of the chain under load
	bucket        = 250 * time.Millisecond
)

// answer is when a commit was answered, and how long that took.
type answer struct {
	at   time.Time
	took time.Duration
}

// load is the commits in some times.
type load struct {
	acks    []time.Duration
	buckets []int // commits in each
}

// rate returns the median over short times, because the mean of a few seconds
// says more of what else the machine did.
func (l *load) rate() float64 {
	slices.Sort(l.buckets)
	return float64(l.buckets[len(l.buckets)/2]) / bucket.Seconds()
}

func (l *load) String() string {
	return fmt.Sprintf("%.0f events/s, ack p50 %s, p99 %s, worst %s", l.rate(), percentile(l.acks, 50), percentile(l.acks, 99), percentile(l.acks, 100))
}

// add adds the answers that came from one time to another.
func (l *load) add(answers []answer, from, to time.Time) {
	buckets := make([]int, to.Sub(from)/bucket)
	for _, a := range answers {
		if n := int(a.at.Sub(from) / bucket); !a.at.Before(from) && n < len(buckets) {
			buckets[n]++
			l.acks = append(l.acks, a.took)
		}
	}
	l.buckets = append(l.buckets, buckets...)
}

// compareLoad writes to a chain that is compacted again and again, with pauses,
// and compares both times.
func (b *bench) compareLoad(ctx context.Context, d *daemon, db string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	clients, err := b.dialAll(ctx, d, slices.Repeat([]string{db}, loaders)) // the first opens the chain, which is compacted then
	if err != nil {
		return err
	}
	var (
		wg      sync.WaitGroup
		answers [loaders * loadersFlight][]answer
		errs    [loaders * loadersFlight]error
	)
	began := time.Now()
	for i := range answers {
		wg.Go(func() { answers[i], errs[i] = writeUntil(ctx, clients[i%loaders], b.compactData) })
	}
	done, err := d.awaitCompactions(ctx, db, cycles)
	cancel()
	wg.Wait()
	for _, c := range clients {
		c.Close()
	}
	if err = errors.Join(err, errors.Join(errs[:]...)); err != nil {
		return err
	}
	var quiet, busy load
	all := slices.Concat(answers[:]...)
	for _, line := range done {
		if begin := line.End.Add(-line.Took.Duration); begin.After(began) {
			quiet.add(all, began, begin)
			began = begin
		}
		if line.End.After(began) {
			busy.add(all, began, line.End)
			began = line.End
		}
	}
	if len(quiet.acks) == 0 || len(busy.acks) == 0 {
		return errors.New("a compaction is over too soon to compare; raise -compact-events")
	}
	report("append without a compaction", "%s", &quiet)
	report("append to the chain that is compacted", "%s, %.2f × without", &busy, busy.rate()/quiet.rate())
	return nil
}

// writeUntil writes versions of objects, one after the other, until ctx ends.
func writeUntil(ctx context.Context, c *client.Client, size int) (answers []answer, err error) {
	data := make([]byte, size)
	for ctx.Err() == nil {
		began := time.Now()
		_, err := c.Commit(ctx, version(rand.IntN(1<<20), data))
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return nil, err
		}
		now := time.Now()
		answers = append(answers, answer{now, now.Sub(began)})
	}
	return answers, nil
}
