package client

import (
	"context"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// Erase ends an object, if it has a value, whoever else writes it meanwhile, and
// returns when none of its data is on the server's disk any more. It needs the
// authority to end the object or, where it was ended without the permission to
// erase its data, to make objects at the chain's top. It returns how many events
// had data that was erased now; erasing again is no error.
//
// What is gone is the data. The events' headers, with the object's key, type and
// labels, stay until compaction drops them, and the data's SHA-256 stays, which
// lets whoever guesses the data know that he is right. It asks again on a new
// connection if it loses the one it has. After an error, or if ctx ends first,
// some of the data may be there.
func (c *Client) Erase(ctx context.Context, key []byte) (events uint64, err error) {
	if err := c.endForErasure(ctx, key); err != nil {
		return 0, err
	}
	events, err = c.erase(ctx, key)
	if fault.Is(err, fault.NotAuthorized) { // it was ended otherwise
		if err = c.allowErasure(ctx, key, Expected{Key: key, Absent: true}); err == nil {
			events, err = c.erase(ctx, key)
		}
	}
	return events, err
}

// endForErasure ends an object, if it has a value.
func (c *Client) endForErasure(ctx context.Context, key []byte) error {
	for {
		e, err := c.Get(ctx, key)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err == nil {
			err = c.allowErasure(ctx, key, Expected{Key: key, Seq: e.Seq})
		}
		if !fault.Is(err, fault.VersionConflict) {
			return err
		}
	}
}

// allowErasure commits a tombstone that lets the object's data be erased.
func (c *Client) allowErasure(ctx context.Context, key []byte, expected Expected) error {
	_, err := c.Submit(ctx, Batch{
		Events:   []Event{{Header: event.Header{Key: key, Tombstone: true, Erase: true}}},
		Expected: []Expected{expected},
	}).Wait(ctx)
	return err
}

func (c *Client) erase(ctx context.Context, key []byte) (uint64, error) {
	a, err := c.ask(ctx, wire.Erase, func(id uint64) stream.Message { return &wirepb.Erase{Id: id, Key: key} })
	if err != nil {
		return 0, err
	}
	return a.reply.(*wirepb.Erased).Events, nil
}
