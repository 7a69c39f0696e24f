package session

import (
	"context"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/token"
	"github.com/atedb/atedb/sdk/trust"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// prove answers a Prove. Commits received after it count as written by the
// key's owner too.
func (s *Session) prove(ctx context.Context, m *wirepb.Prove) error {
	reply := &wirepb.Proven{}
	if err := s.verifyProof(ctx, m); err != nil {
		if s.refused++; s.refused > MaxRefused {
			return fault.New(fault.BadProof, "this connection has tried %d proofs that were not good", s.refused)
		}
		reply.Code, reply.Reason = refusal(err)
	}
	s.conn.Queue(wire.Proven, reply)
	return nil
}

func (s *Session) verifyProof(ctx context.Context, m *wirepb.Prove) error {
	genesis, _ := s.chain.Genesis()
	id, isDelegated := event.KeyID(m.PublicKey), len(m.Delegation) > 0
	switch {
	case genesis.Trust == event.Distributed:
		return fault.New(fault.BadRequest, "this chain takes no proofs of keys, since its mode of trust is distributed: every commit is sealed instead")
	case slices.Contains(s.proven, id) && !isDelegated:
		return nil
	case len(s.proven) >= MaxProven:
		return fault.New(fault.TooLarge, "this connection has proven %d keys, which is the most allowed", len(s.proven))
	}
	var d token.Delegation
	var err error
	if isDelegated {
		if d, err = s.delegation(m.Delegation, id); err != nil {
			return err
		}
	}
	err = s.options.Verifier.VerifyProof(ctx, trust.Proof{
		Chain: s.chain.ID(), Binding: s.options.Binding[:], PublicKey: m.PublicKey, Proof: m.Proof,
	})
	if err != nil {
		return err
	}
	s.proven = append(slices.Clip(s.proven), id)
	if !isDelegated {
		return nil
	}
	if err := s.hold(ctx, d); err != nil {
		return err
	}
	s.proven = append(s.proven, d.Issuer.ID())
	return nil
}

func (s *Session) authorityOf(m *wirepb.GetAuthority) error {
	reply := &wirepb.AuthorityOf{Id: m.Id}
	if in, err := s.chain.Authority(m.Key, m.Parent); err != nil {
		reply.Code, reply.Reason = refusal(err)
	} else {
		reply.Write, reply.Read = in.Write.Proto(), in.Read.Proto()
	}
	s.conn.Queue(wire.AuthorityOf, reply)
	return nil
}

func (s *Session) leaves(ctx context.Context, m *wirepb.Leaves) error {
	reply := &wirepb.LeafHashes{Id: m.Id}
	if hashes, err := s.loadLeaves(ctx, m); err != nil {
		reply.Code, reply.Reason = refusal(err)
	} else {
		for i := range hashes {
			reply.Hashes = append(reply.Hashes, hashes[i][:]...)
		}
	}
	s.conn.Queue(wire.LeafHashes, reply)
	return nil
}

func (s *Session) loadLeaves(ctx context.Context, m *wirepb.Leaves) ([]event.Hash, error) {
	if m.Count > wire.MaxLeaves {
		return nil, fault.New(fault.TooLarge, "%d leaf hashes were asked for; at most %d are given at a time", m.Count, wire.MaxLeaves)
	}
	return s.chain.Leaves(ctx, event.Seq(m.From), int(m.Count))
}

func (s *Session) proof(ctx context.Context, m *wirepb.GetProof) error {
	reply := &wirepb.Proof{Id: m.Id}
	var hashes []event.Hash
	var err error
	if m.Seq != nil {
		hashes, err = s.chain.ProveInclusion(ctx, event.Seq(m.GetSeq()), m.Size)
	} else {
		hashes, err = s.chain.ProveConsistency(ctx, m.From, m.Size)
	}
	if err != nil {
		reply.Code, reply.Reason = refusal(err)
	} else {
		reply.Hashes = slicesOf(hashes)
	}
	s.conn.Queue(wire.Proof, reply)
	return nil
}

func (s *Session) checkpoint(m *wirepb.GetCheckpoint) error {
	reply := &wirepb.Checkpoint{Id: m.Id}
	if note, err := s.options.Checkpoint(); err != nil {
		reply.Code, reply.Reason = refusal(err)
	} else {
		reply.Note = note
	}
	s.conn.Queue(wire.Checkpoint, reply)
	return nil
}

func slicesOf(hashes []event.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}
