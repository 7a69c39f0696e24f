package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/client"
)

const (
	loaders       = 4
	loadersFlight = 25 // unanswered commits of each
)

// answer is when a commit was answered, and how long that took.
type answer struct {
	at   time.Time
	took time.Duration
}

// load is commits in some time.
type load struct {
	took time.Duration
	acks []time.Duration
}

func (l *load) rate() float64 { return float64(len(l.acks)) / l.took.Seconds() }

func (l *load) String() string {
	return fmt.Sprintf("%.0f events/s, ack p50 %s, p99 %s, worst %s", l.rate(), percentile(l.acks, 50), percentile(l.acks, 99), percentile(l.acks, 100))
}

// add adds the answers that came from one time to another, whose difference it
// leaves to the caller.
func (l *load) add(answers []answer, from, to time.Time) {
	for _, a := range answers {
		if a.at.After(from) && a.at.Before(to) {
			l.acks = append(l.acks, a.took)
		}
	}
}

// compactLoaded writes to a chain while it is compacted, and for a while
// afterwards.
func (b *bench) compactLoaded(ctx context.Context, d *daemon, db string, quiet, busy *load) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	clients := make([]*client.Client, loaders)
	for i := range clients {
		c, err := b.dial(ctx, d, db) // the first opens the chain, which is compacted then
		if err != nil {
			return err
		}
		defer c.Close()
		clients[i] = c
	}
	var (
		wg      sync.WaitGroup
		answers [loaders * loadersFlight][]answer
		errs    [loaders * loadersFlight]error
	)
	began := time.Now()
	for i := range answers {
		wg.Go(func() { answers[i], errs[i] = b.writeUntil(ctx, clients[i%loaders]) })
	}
	done, err := d.awaitCompaction(ctx, db)
	if err == nil {
		time.Sleep(afterwards)
	}
	cancel()
	wg.Wait()
	if err = errors.Join(err, errors.Join(errs[:]...)); err != nil {
		return err
	}
	if done.End.Before(began) {
		return errors.New("the compaction was over before there was any load; raise -compact-events")
	}
	if begin := done.End.Add(-done.Took); begin.After(began) {
		began = begin
	}
	for _, some := range answers {
		busy.add(some, began, done.End)
		quiet.add(some, done.End.Add(time.Second), done.End.Add(afterwards))
	}
	busy.took += done.End.Sub(began)
	quiet.took += afterwards - time.Second
	return nil
}

// writeUntil writes new versions of objects, one after the other, until ctx ends.
func (b *bench) writeUntil(ctx context.Context, c *client.Client) (answers []answer, err error) {
	data := make([]byte, smallData)
	for ctx.Err() == nil {
		began := time.Now()
		_, err := c.Commit(ctx, version(rand.IntN(b.compactEvents), data))
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
