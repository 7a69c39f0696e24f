package chaintest

import (
	"context"
	"iter"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
)

// Plan is a compaction strategy made of a function.
type Plan func(ctx context.Context, newestFirst iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error

// Plan implements compaction.Strategy.
func (p Plan) Plan(ctx context.Context, _ compaction.Chain, newestFirst iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	return p(ctx, newestFirst, cast)
}

// Everywhere casts one vote on all events.
func Everywhere(v compaction.Vote) Plan {
	return func(_ context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
		for e, err := range events {
			if err != nil {
				return err
			}
			cast(e.Seq, v)
		}
		return nil
	}
}

// Superseded votes as a plain strategy does: what has a newer version is to be
// dropped, and so are tombstones.
func Superseded(_ context.Context, events iter.Seq2[compaction.Event, error], cast func(event.Seq, compaction.Vote)) error {
	seen := make(map[string]bool)
	for e, err := range events {
		if err != nil {
			return err
		}
		if seen[string(e.Header.Key)] || e.Header.Tombstone {
			cast(e.Seq, compaction.Drop)
		}
		seen[string(e.Header.Key)] = true
	}
	return nil
}
