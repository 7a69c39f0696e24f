package auth

import (
	"context"
	"math"
	"time"

	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/auth/authpb"
	"github.com/atedb/atedb/sdk/chainname"
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
	ttl := uint32(min(max(answer.TTL/time.Second, 0), math.MaxUint32))
	if answer.Denied != "" {
		denial := &authpb.Denial{Reason: answer.Denied, TtlSeconds: ttl}
		return &authpb.ResolveReply{Answer: &authpb.ResolveReply_Denial{Denial: denial}}, nil
	}
	grant := &authpb.Grant{RootKeys: answer.RootKeys, TtlSeconds: ttl}
	return &authpb.ResolveReply{Answer: &authpb.ResolveReply_Grant{Grant: grant}}, nil
}
