package clienttest

import (
	"context"

	"github.com/atedb/atedb/sdk/checkpoint"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

func slicesOf(hashes []event.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

// prove answers questions about keys, hashes and authority.
func (s *session) prove(t wire.Type, payload []byte) error {
	switch t {
	case wire.Prove:
		var m wirepb.Prove
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		s.proveKey(&m)
	case wire.Leaves:
		var m wirepb.Leaves
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		s.giveLeaves(&m)
	case wire.GetProof:
		var m wirepb.GetProof
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		s.giveProof(&m)
	case wire.GetAuthority:
		var m wirepb.GetAuthority
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		s.giveAuthority(&m)
	case wire.GetCheckpoint:
		var m wirepb.GetCheckpoint
		if err := stream.Unmarshal(t, payload, &m); err != nil {
			return err
		}
		s.giveCheckpoint(&m)
	default:
		return fault.New(fault.BadMessage, "the client sent a message of type %d", t)
	}
	return nil
}

func (s *session) proveKey(m *wirepb.Prove) {
	key, err := keys.ParseAnyPublicKey(m.PublicKey)
	if err == nil {
		err = evidence.VerifyProof(key, s.chain.id, s.binding[:], m.Proof)
	}
	reply := &wirepb.Proven{}
	if err != nil {
		reply.Code, reply.Reason = refusal(err)
	} else {
		s.proven = append(s.proven, key.ID())
	}
	s.queue(wire.Proven, reply)
}

func (s *session) giveLeaves(m *wirepb.Leaves) {
	reply := &wirepb.LeafHashes{Id: m.Id}
	leaves, err := s.chain.tree.Leaves(context.Background(), m.From, int(m.Count))
	if err != nil {
		reply.Code, reply.Reason = refusal(err)
	}
	for i := range leaves {
		reply.Hashes = append(reply.Hashes, leaves[i][:]...)
	}
	s.queue(wire.LeafHashes, reply)
}

func (s *session) giveProof(m *wirepb.GetProof) {
	reply := &wirepb.Proof{Id: m.Id}
	var hashes []event.Hash
	var err error
	if m.Seq != nil {
		hashes, err = s.chain.tree.ProveInclusion(context.Background(), *m.Seq, m.Size)
	} else {
		hashes, err = s.chain.tree.ProveConsistency(context.Background(), m.From, m.Size)
	}
	if err != nil {
		reply.Code, reply.Reason = refusal(err)
	}
	reply.Hashes = slicesOf(hashes)
	s.queue(wire.Proof, reply)
}

func (s *session) giveAuthority(m *wirepb.GetAuthority) {
	s.chain.mu.Lock()
	in, err := s.chain.judge.tree.Authority(m.Key, m.Parent)
	s.chain.mu.Unlock()
	reply := &wirepb.AuthorityOf{Id: m.Id}
	if err != nil {
		reply.Code, reply.Reason = refusal(err)
	} else {
		reply.Write, reply.Read = in.Write.Proto(), in.Read.Proto()
	}
	s.queue(wire.AuthorityOf, reply)
}

func (s *session) giveCheckpoint(m *wirepb.GetCheckpoint) {
	reply := &wirepb.Checkpoint{Id: m.Id}
	id := s.server.options.Identity
	err := error(fault.New(fault.Unsupported, "this server signs nothing"))
	if id != nil {
		public := id.Public()
		reply.Note, err = checkpoint.Sign(id.Signing(), public.Fingerprint().String(), s.chain.id, s.chain.tree.Head())
	}
	if err != nil {
		reply.Code, reply.Reason = refusal(err)
	}
	s.queue(wire.Checkpoint, reply)
}

func refusal(err error) (code, reason string) {
	f := fault.From(err)
	return string(f.Code), f.Reason
}
