package trust

import (
	"context"
	"slices"

	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
	"github.com/atedb/atedb/sdk/trust/trustpb"
)

// RegisterServer serves a validator to a client made by [NewClient].
func RegisterServer(reg grpc.ServiceRegistrar, validator Validator) {
	trustpb.RegisterTrustServer(reg, &server{validator: validator})
}

type server struct {
	trustpb.UnimplementedTrustServer
	validator Validator
}

func (s *server) Rules(ctx context.Context, _ *trustpb.RulesRequest) (*trustpb.RulesReply, error) {
	rules, err := s.validator.Rules(ctx)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	return &trustpb.RulesReply{
		UsesAuth: rules.UsesAuth, DefaultWireEncryption: uint32(rules.DefaultWireEncryption), PerBatch: rules.PerBatch,
	}, nil
}

func (s *server) VerifyProof(ctx context.Context, req *trustpb.VerifyProofRequest) (*trustpb.VerifyProofReply, error) {
	chain, err := hash[event.ChainID]("chain id", req.ChainId)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	err = s.validator.VerifyProof(ctx, Proof{Chain: chain, Binding: req.Binding, PublicKey: req.PublicKey, Proof: req.Proof})
	if f := fault.From(err); f != nil && f.Code == fault.BadProof && f.Reason != "" {
		return &trustpb.VerifyProofReply{Reason: f.Reason}, nil
	}
	return &trustpb.VerifyProofReply{}, faultrpc.ToStatus(err)
}

func (s *server) Validate(ctx context.Context, req *trustpb.ValidateRequest) (*trustpb.ValidateReply, error) {
	chain, err := hash[event.ChainID]("chain id", req.ChainId)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	batches := make([]Batch, len(req.Batches))
	for i, b := range req.Batches {
		if len(b.Leaves)%len(event.Hash{}) != 0 {
			return nil, faultrpc.ToStatus(fault.New(fault.BadMessage, "%d bytes of leaf hashes came from the daemon; they have %d each", len(b.Leaves), len(event.Hash{})))
		}
		batches[i] = Batch{
			First: event.Seq(b.First), Evidence: b.Evidence, Signer: b.Signer,
			Leaves: make([]event.Hash, 0, len(b.Leaves)/len(event.Hash{})),
		}
		for leaf := range slices.Chunk(b.Leaves, len(event.Hash{})) {
			batches[i].Leaves = append(batches[i].Leaves, event.Hash(leaf))
		}
	}
	verdicts, err := s.validator.ValidateBatches(ctx, chain, batches)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	reply := &trustpb.ValidateReply{Verdicts: make([]*trustpb.Verdict, len(verdicts))}
	for i, v := range verdicts {
		reply.Verdicts[i] = &trustpb.Verdict{Reason: v.Reason}
	}
	return reply, nil
}

func hash[H ~[32]byte](what string, b []byte) (H, error) {
	if len(b) != len(H{}) {
		return H{}, fault.New(fault.BadMessage, "a %s of %d bytes came from the daemon; it has %d", what, len(b), len(H{}))
	}
	return H(b), nil
}
