package verify

import (
	"context"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

// checkSeal checks everything that a batch's seal says, and returns its
// signer's id.
func (l *Log) checkSeal(ctx context.Context, b *event.Batch, events []checked) (event.Hash, error) {
	if len(b.Evidence) == 0 {
		return event.Hash{}, fault.New(fault.BadSeal, "it has no seal")
	}
	seal, err := evidence.ParseSeal(b.Evidence)
	if err != nil {
		return event.Hash{}, err
	}
	signer, err := l.signer(&seal, events)
	if err != nil {
		return event.Hash{}, err
	}
	first := b.First - event.Seq(b.Offset)
	if b.First < event.Seq(b.Offset) {
		return event.Hash{}, fault.New(fault.BadSeal, "it says that %d events of its commit stood before it", b.Offset)
	}
	if err := seal.CheckPlace(first); err != nil {
		return event.Hash{}, err
	}
	if err := l.CheckHead(ctx, seal.Head); err != nil {
		return event.Hash{}, fault.New(fault.BadSeal, "its seal builds on another history: %w", err)
	}
	leaves, err := l.sealed(ctx, &seal, first, b, events)
	if err != nil {
		return event.Hash{}, err
	}
	if err := seal.VerifyBatch(signer, l.chain, leaves); err != nil {
		return event.Hash{}, err
	}
	l.counts.Seals++
	before := l.part
	l.part = part{seal.Signer, seal.Writer, seal.Number, seal.Leaves, first, b.Offset + b.Count}
	if before.end > 0 && b.Offset >= before.end {
		if before.end = l.part.end; before == l.part {
			return seal.Signer, nil // another part of the commit that was admitted last
		}
	}
	return seal.Signer, l.writers.Admit(&seal)
}

// signer returns the public key that a seal names: one that the chain knows, or
// that the batch itself introduces.
func (l *Log) signer(seal *evidence.Seal, events []checked) (keys.PublicKey, error) {
	if encoded, ok := l.tree.PublicKey(seal.Signer); ok {
		return l.keyring.Parse(encoded)
	}
	for i := range events {
		for _, encoded := range events[i].header.Keys {
			if event.KeyID(encoded) == seal.Signer {
				return l.keyring.Parse(encoded)
			}
		}
	}
	return keys.PublicKey{}, fault.New(fault.UnknownKey, "no event introduced the key %s that seals it", seal.Signer)
}

// sealed returns the leaf hashes of the whole commit that a batch is of, which
// is more than the batch if compaction has split it. The rest is then owed.
func (l *Log) sealed(ctx context.Context, seal *evidence.Seal, first event.Seq, b *event.Batch, events []checked) ([]event.Hash, error) {
	own := make([]event.Hash, len(events))
	for i := range events {
		own[i] = events[i].leaf
	}
	if err := l.settle(own); err != nil {
		return nil, err
	}
	if b.Offset == 0 && b.Count == seal.Count {
		return own, nil
	}
	if b.Offset+b.Count > seal.Count {
		return nil, fault.New(fault.BadSeal, "it has %d events at offset %d of its commit, and %d were sealed", b.Count, b.Offset, seal.Count)
	}
	all, err := l.ask(ctx, first, seal.Count)
	if err != nil {
		return nil, fault.New(fault.CodeOf(err), "asking for the leaf hashes of its commit: %w", err)
	}
	if merkle.Root(all) != seal.Leaves {
		return nil, fault.New(fault.BadSeal, "the leaf hashes of its commit are not those that were sealed")
	}
	before, err := l.merkle.Leaves(ctx, uint64(first), b.Offset)
	if err != nil {
		return nil, err
	}
	for i, leaf := range append(before, own...) {
		if all[i] != leaf {
			return nil, fault.New(fault.BadSeal, "event %d is not the one that was sealed there", first+event.Seq(i))
		}
	}
	l.owed = all[b.Offset+b.Count:]
	return all, nil
}
