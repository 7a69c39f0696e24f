package evidence

import (
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

// VerifyBatch checks that the key sealed the batch of exactly these leaf
// hashes, in this order, for this chain. If not, the error is a bad_seal fault.
//
// It does not check what the seal says about the batch's place: see [Writers]
// for its number, and [Seal.CheckPlace] for its head.
func (s *Seal) VerifyBatch(pub keys.PublicKey, chain event.ChainID, leaves []event.Hash) error {
	if len(leaves) != s.Count {
		return fault.New(fault.BadSeal, "the seal is of a batch of %d events, and this batch has %d", s.Count, len(leaves))
	}
	if merkle.Root(leaves) != s.Leaves {
		return fault.New(fault.BadSeal, "the seal is of other events, or of these in another order")
	}
	return s.VerifySignature(pub, chain)
}

// VerifyEvent checks that the key sealed, for this chain, a batch in which the
// event with this leaf hash stood after offset others, by its audit path in
// that batch: what merkle.ProveIn returns for the batch's leaf hashes and the
// offset. If not, the error is a bad_seal fault.
//
// For several events of a batch, [Seal.VerifySignature] once and
// [Seal.CheckEvent] for each is cheaper.
func (s *Seal) VerifyEvent(pub keys.PublicKey, chain event.ChainID, leaf event.Hash, offset int, path []event.Hash) error {
	if err := s.CheckEvent(leaf, offset, path); err != nil {
		return err
	}
	return s.VerifySignature(pub, chain)
}

// VerifySignature checks that the key made the seal for this chain. It takes
// about 70 µs. If not, the error is a bad_seal fault.
func (s *Seal) VerifySignature(pub keys.PublicKey, chain event.ChainID) error {
	if pub.ID() != s.Signer {
		return fault.New(fault.BadSeal, "the seal names key %s as its signer, and was checked with key %s", s.Signer, pub.ID())
	}
	if !pub.Verify(keys.ForSeal, s.message(chain), s.Signature) {
		return fault.New(fault.BadSeal, "the seal was not made by key %s for this batch of chain %s: it was altered or forged", s.Signer, chain)
	}
	return nil
}

// CheckEvent checks that the batch that the seal is about has the leaf hash
// after offset others, as VerifyEvent does, and not who made the seal.
func (s *Seal) CheckEvent(leaf event.Hash, offset int, path []event.Hash) error {
	if offset < 0 || offset >= s.Count {
		return fault.New(fault.BadSeal, "the seal is of a batch of %d events, which has none at offset %d", s.Count, offset)
	}
	batch := merkle.Head{Size: uint64(s.Count), Root: s.Leaves}
	if merkle.CheckInclusion(path, batch, uint64(offset), leaf) != nil {
		return fault.New(fault.BadSeal, "the event at offset %d of its commit, with leaf hash %s, is not the one that was sealed there", offset, leaf)
	}
	return nil
}

// CheckPlace checks that a batch whose first event stands, or would stand, at a
// seq comes after the head that it builds on. If not, the error is a bad_seal
// fault. Whether that head is the chain's, its Merkle tree tells.
func (s *Seal) CheckPlace(first event.Seq) error {
	if s.Head.Size > uint64(first) {
		return fault.New(fault.BadSeal, "the seal builds on a chain of %d events, and its batch would stand before them, at event %d", s.Head.Size, first)
	}
	return nil
}
