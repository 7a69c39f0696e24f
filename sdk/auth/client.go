package auth

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/auth/authpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
)

// maxReason bounds the reason of a denial, in bytes.
const maxReason = 4 << 10

// NewClient returns the resolver at the other end of cc. An answer beyond the
// contract's limits is a fault with code bad_message that says what is wrong.
func NewClient(cc grpc.ClientConnInterface) Resolver {
	return &client{rpc: authpb.NewAuthClient(cc)}
}

type client struct{ rpc authpb.AuthClient }

func (c *client) Resolve(ctx context.Context, q Query) (Answer, error) {
	kind := authpb.Kind_KIND_USER
	if q.Chain.IsGroup() {
		kind = authpb.Kind_KIND_GROUP
	}
	reply, err := c.rpc.Resolve(ctx, &authpb.ResolveRequest{Chain: q.Chain.String(), Owner: q.Chain.Owner(), Kind: kind})
	if err != nil {
		return Answer{}, faultrpc.FromStatus(err)
	}
	var answer Answer
	switch a := reply.Answer.(type) {
	case *authpb.ResolveReply_Grant:
		answer = Answer{RootKeys: a.Grant.GetRootKeys(), TTL: seconds(a.Grant.GetTtlSeconds())}
	case *authpb.ResolveReply_Denial:
		answer = Answer{Denied: a.Denial.GetReason(), TTL: seconds(a.Denial.GetTtlSeconds())}
		if answer.Denied == "" {
			return Answer{}, lied("denies a chain without a reason")
		}
	default:
		return Answer{}, lied("neither grants nor denies")
	}
	return answer, answer.check()
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// check finds what goes beyond the contract's limits.
func (a *Answer) check() error {
	switch {
	case len(a.Denied) > maxReason:
		return lied("denies a chain with a reason of %d bytes; at most %d are allowed", len(a.Denied), maxReason)
	case len(a.RootKeys) > MaxRootKeys:
		return lied("grants a chain to %d keys; at most %d are allowed", len(a.RootKeys), MaxRootKeys)
	case a.TTL > MaxTTL:
		return lied("says that its answer may be kept for %s; at most %s are allowed", a.TTL, MaxTTL)
	}
	for i, key := range a.RootKeys {
		if len(key) == 0 || len(key) > MaxPublicKey {
			return lied("grants a chain to a key (number %d) of %d bytes; 1 to %d are allowed", i+1, len(key), MaxPublicKey)
		}
	}
	return nil
}

func lied(format string, args ...any) error {
	return fault.New(fault.BadMessage, "the auth plugin breaks its contract: it "+format, args...)
}
