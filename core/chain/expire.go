package chain

import (
	"context"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

// endsAtOnce is how many objects are ended in one go.
const endsAtOnce = 256

// endLive ends the objects whose newest values these are, in order of seq, as
// their owners could, so that everybody who follows the chain learns of it; a
// later compaction drops what is left of them. An object that has changed
// meanwhile, is locked, or has others under it that stay, stays. It returns those
// that it ended, also with an error.
func (c *Chain) endLive(ctx context.Context, values []event.Seq, pace func(ctx context.Context, bytes int) error) (ended []event.Seq, err error) {
	for {
		before, parents := len(ended), []event.Seq(nil)
		for len(values) > 0 {
			var n int
			if n, err = c.endSome(ctx, values[:min(len(values), endsAtOnce)], pace, &ended, &parents); err != nil {
				return ended, err
			}
			values = values[n:]
		}
		if len(parents) == 0 || len(ended) == before {
			return ended, nil
		}
		values = parents // some of what was under them has ended now
	}
}

// endSome ends as many of some objects as it can read the values of in one go, and
// returns how many that was. It adds those that it ended to ended, and those that
// have others under them to parents.
func (c *Chain) endSome(ctx context.Context, values []event.Seq, pace func(ctx context.Context, bytes int) error, ended, parents *[]event.Seq) (n int, err error) {
	records, err := c.AppendEvents(ctx, nil, values, maxRound)
	if err == nil && pace != nil {
		err = pace(ctx, len(records))
	}
	if err != nil {
		return 0, err
	}
	var commits []*Commit
	answers := make(chan Result, len(values))
	for b, err := range event.Records(records) {
		if err != nil {
			return 0, err
		}
		commit, err := c.endOf(&b)
		if err != nil {
			return 0, err
		}
		commit.Answer = func(_ *Commit, r Result) { answers <- r }
		commits = append(commits, commit)
	}
	c.Commit(commits...)
	for _, commit := range commits { // they are answered in this order
		value := commit.Expected[0].Seq
		switch r := <-answers; fault.CodeOf(r.Err) {
		case "":
			*ended = append(*ended, value)
		case fault.HasChildren:
			*parents = append(*parents, value)
		case fault.VersionConflict, fault.Locked:
		default:
			err = r.Err
		}
	}
	if n = len(values); len(records) > maxRound { // those after the last one were not read
		last, _ := slices.BinarySearch(values, commits[len(commits)-1].Expected[0].Seq)
		n = last + 1
	}
	return n, err
}

// endOf returns the commit that ends the object of which a batch has the newest
// value, if it still does.
func (c *Chain) endOf(b *event.Batch) (*Commit, error) {
	f, _, err := event.CutFrame(b.Frames)
	if err != nil {
		return nil, err
	}
	var value eventpb.Header
	if err := event.UnmarshalHeader(f.Header, &value); err != nil {
		return nil, err
	}
	end := event.Header{Key: value.Key, Tombstone: true}
	commit, err := ownCommit(end)
	if err != nil {
		return nil, err
	}
	commit.Expected = []Expected{{Key: value.Key, Exists: true, Seq: b.First}}
	return commit, nil
}
