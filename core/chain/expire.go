package chain

import (
	"context"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

// endsAtOnce is how many objects are ended in one go.
const endsAtOnce = 256

// endLive ends the objects whose newest values these are, as their owners could,
// so that everybody who follows the chain learns of it; a later compaction drops
// what is left of them. An object that has changed meanwhile, is locked, or has
// others under it, stays. It returns how many it ended.
func (c *Chain) endLive(ctx context.Context, values []event.Seq) (ended uint64, err error) {
	for len(values) > 0 {
		some := values[:min(len(values), endsAtOnce)]
		values = values[len(some):]
		records, err := c.AppendEvents(ctx, nil, some, maxRound)
		if err != nil {
			return ended, err
		}
		var commits []*Commit
		answers := make(chan Result, len(some))
		for b, err := range event.Records(records) {
			if err != nil {
				return ended, err
			}
			commit, err := c.endOf(&b)
			if err != nil {
				return ended, err
			}
			commit.Answer = func(_ *Commit, r Result) { answers <- r }
			commits = append(commits, commit)
		}
		c.Commit(commits...)
		for range commits {
			switch r := <-answers; fault.CodeOf(r.Err) {
			case "":
				ended++
			case fault.VersionConflict, fault.Locked, fault.HasChildren:
			default:
				return ended, r.Err
			}
		}
	}
	return ended, nil
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
