package client

import (
	"context"
	"slices"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// Leaves returns the leaf hashes of count events from a seq on, also of those
// that compaction dropped.
func (c *Client) Leaves(ctx context.Context, from event.Seq, count int) ([]event.Hash, error) {
	var all []event.Hash
	for len(all) < count {
		part := min(count-len(all), wire.MaxLeaves)
		at := uint64(from) + uint64(len(all))
		a, err := c.ask(ctx, wire.Leaves, func(id uint64) stream.Message {
			return &wirepb.Leaves{Id: id, From: at, Count: uint32(part)}
		})
		if err != nil {
			return nil, err
		}
		raw := a.reply.(*wirepb.LeafHashes).Hashes
		if len(raw) != part*len(event.Hash{}) {
			return nil, fault.New(fault.BadMessage, "the server sent %d bytes of leaf hashes when %d were asked for", len(raw), part)
		}
		for leaf := range slices.Chunk(raw, len(event.Hash{})) {
			all = append(all, event.Hash(leaf))
		}
	}
	return all, nil
}

// Inclusion returns the RFC 6962 proof that the event at seq is in the chain's
// head of a size; merkle.CheckInclusion checks it.
func (c *Client) Inclusion(ctx context.Context, seq event.Seq, size uint64) ([]event.Hash, error) {
	at := uint64(seq)
	return c.proof(ctx, &wirepb.GetProof{Size: size, Seq: &at})
}

func (c *Client) consistency(ctx context.Context, from, to uint64) ([]event.Hash, error) {
	return c.proof(ctx, &wirepb.GetProof{Size: to, From: from})
}

func (c *Client) proof(ctx context.Context, question *wirepb.GetProof) ([]event.Hash, error) {
	a, err := c.ask(ctx, wire.GetProof, func(id uint64) stream.Message {
		question.Id = id
		return question
	})
	if err != nil {
		return nil, err
	}
	return hashes(a.reply.(*wirepb.Proof).Hashes)
}

// Checkpoint returns the chain's head with the server's signature, as package
// checkpoint says.
func (c *Client) Checkpoint(ctx context.Context) (string, error) {
	a, err := c.ask(ctx, wire.GetCheckpoint, func(id uint64) stream.Message { return &wirepb.GetCheckpoint{Id: id} })
	if err != nil {
		return "", err
	}
	return a.reply.(*wirepb.Checkpoint).Note, nil
}

// askAuthority returns what the server says of who may write and read an object
// or, if there is none, one that would be made under a parent.
func (c *Client) askAuthority(ctx context.Context, key, parent []byte) (authority.Resolved, error) {
	a, err := c.ask(ctx, wire.GetAuthority, func(id uint64) stream.Message {
		return &wirepb.GetAuthority{Id: id, Key: key, Parent: parent}
	})
	if err != nil {
		return authority.Resolved{}, err
	}
	m := a.reply.(*wirepb.AuthorityOf)
	if err := event.CheckWrite(m.Write); err != nil {
		return authority.Resolved{}, err
	}
	if err := event.CheckRead(m.Read); err != nil {
		return authority.Resolved{}, err
	}
	in := authority.Resolved{Write: event.WriteOf(m.Write), Read: event.ReadOf(m.Read)}
	if in.Write.Kind == event.WriteUnchanged || in.Write.Kind == event.WriteInherit || in.Read.Kind == event.ReadUnchanged || in.Read.Kind == event.ReadInherit {
		return authority.Resolved{}, fault.New(fault.BadMessage, "the server did not say who may write and read object %q", key)
	}
	return in, nil
}

// answerProof hands the answer to a question of this file, or to Erase, to who
// asked it.
func (c *Client) answerProof(t wire.Type, payload []byte) error {
	switch t {
	case wire.LeafHashes:
		return answered(c, t, payload, new(wirepb.LeafHashes))
	case wire.Proof:
		return answered(c, t, payload, new(wirepb.Proof))
	case wire.Checkpoint:
		return answered(c, t, payload, new(wirepb.Checkpoint))
	case wire.AuthorityOf:
		return answered(c, t, payload, new(wirepb.AuthorityOf))
	case wire.Erased:
		return answered(c, t, payload, new(wirepb.Erased))
	}
	return c.control(t, payload)
}

func answered[M interface {
	UnmarshalVTUnsafe([]byte) error
	GetId() uint64
	GetCode() string
	GetReason() string
}](c *Client, t wire.Type, payload []byte, m M) error {
	if err := stream.Unmarshal(t, payload, m); err != nil {
		return err
	}
	return c.answer(m.GetId(), t, answer{reply: m, err: refusal(m.GetCode(), m.GetReason())})
}
