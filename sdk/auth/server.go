package auth

import (
	"context"
	"math"
	"time"

	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/auth/authpb"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
)

// RegisterServer serves a resolver to a client made by [NewClient].
func RegisterServer(reg grpc.ServiceRegistrar, resolver Resolver) {
	authpb.RegisterAuthServer(reg, &server{resolver: resolver})
}

type server struct {
	authpb.UnimplementedAuthServer
	resolver Resolver
}

// Resolve parses the chain's name anew: owner and kind follow from it, and are
// sent for plugins in languages that have no parser for names.
func (s *server) Resolve(ctx context.Context, req *authpb.ResolveRequest) (*authpb.ResolveReply, error) {
	name, err := chainname.Parse(req.Chain)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	answer, err := s.resolver.Resolve(ctx, Query{Chain: name})
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	ttl := wholeSeconds(answer.TTL)
	if answer.Denied != "" {
		denial := &authpb.Denial{Reason: answer.Denied, TtlSeconds: ttl, ChainOnly: answer.ChainOnly}
		return &authpb.ResolveReply{Answer: &authpb.ResolveReply_Denial{Denial: denial}}, nil
	}
	grant := &authpb.Grant{RootKeys: answer.RootKeys, TtlSeconds: ttl, ChainOnly: answer.ChainOnly}
	for i := range answer.RootKeyIDs {
		grant.RootKeyIds = append(grant.RootKeyIds, answer.RootKeyIDs[i][:])
	}
	return &authpb.ResolveReply{Answer: &authpb.ResolveReply_Grant{Grant: grant}}, nil
}

// CheckToken asks a resolver that can tell.
func (s *server) CheckToken(ctx context.Context, req *authpb.CheckTokenRequest) (*authpb.CheckTokenReply, error) {
	checker, ok := s.resolver.(TokenChecker)
	if !ok {
		return s.UnimplementedAuthServer.CheckToken(ctx, req)
	}
	q := TokenQuery{User: req.User}
	if len(req.TokenId) != len(q.ID) || len(req.Issuer) != len(q.Issuer) {
		return nil, faultrpc.ToStatus(fault.New(fault.BadRequest, "a token was asked for with an id of %d bytes and an issuer's of %d; %d and %d are needed",
			len(req.TokenId), len(req.Issuer), len(q.ID), len(q.Issuer)))
	}
	copy(q.ID[:], req.TokenId)
	copy(q.Issuer[:], req.Issuer)
	answer, err := checker.CheckToken(ctx, q)
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	return &authpb.CheckTokenReply{Refused: answer.Refused, Unknown: answer.Unknown, TtlSeconds: wholeSeconds(answer.TTL)}, nil
}

func wholeSeconds(d time.Duration) uint32 { return uint32(min(max(d/time.Second, 0), math.MaxUint32)) }
