package auth

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/atedb/atedb/sdk/auth/authpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
)

// maxReason bounds the reason of a denial, in bytes.
const maxReason = 4 << 10

// Client is a resolver in another process. An answer beyond the contract's
// limits is a fault with code bad_message that says what is wrong.
type Client struct{ rpc authpb.AuthClient }

var (
	_ Resolver     = (*Client)(nil)
	_ TokenChecker = (*Client)(nil)
)

// NewClient returns the resolver at the other end of cc.
func NewClient(cc grpc.ClientConnInterface) *Client {
	return &Client{rpc: authpb.NewAuthClient(cc)}
}

// Resolve implements Resolver.
func (c *Client) Resolve(ctx context.Context, q Query) (Answer, error) {
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
		answer = Answer{RootKeys: a.Grant.GetRootKeys(), TTL: seconds(a.Grant.GetTtlSeconds()), ChainOnly: a.Grant.GetChainOnly()}
		for i, id := range a.Grant.GetRootKeyIds() {
			if len(id) != len(event.Hash{}) {
				return Answer{}, lied("grants a chain to a key whose id (number %d) has %d bytes; it has %d", i+1, len(id), len(event.Hash{}))
			}
			answer.RootKeyIDs = append(answer.RootKeyIDs, event.Hash(id))
		}
	case *authpb.ResolveReply_Denial:
		answer = Answer{Denied: a.Denial.GetReason(), TTL: seconds(a.Denial.GetTtlSeconds()), ChainOnly: a.Denial.GetChainOnly()}
		if answer.Denied == "" {
			return Answer{}, lied("denies a chain without a reason")
		}
	default:
		return Answer{}, lied("neither grants nor denies")
	}
	return answer, answer.check()
}

// CheckToken implements TokenChecker. Of a resolver that is none, it is a
// not_supported fault.
func (c *Client) CheckToken(ctx context.Context, q TokenQuery) (TokenAnswer, error) {
	reply, err := c.rpc.CheckToken(ctx, &authpb.CheckTokenRequest{User: q.User, TokenId: q.ID[:], Issuer: q.Issuer[:]})
	if status.Code(err) == codes.Unimplemented {
		return TokenAnswer{}, fault.New(fault.Unsupported, "the auth plugin knows nothing of tokens")
	}
	if err != nil {
		return TokenAnswer{}, faultrpc.FromStatus(err)
	}
	answer := TokenAnswer{Refused: reply.Refused, Unknown: reply.Unknown, TTL: seconds(reply.TtlSeconds)}
	switch {
	case len(answer.Refused) > maxReason:
		return TokenAnswer{}, lied("refuses a token with a reason of %d bytes; at most %d are allowed", len(answer.Refused), maxReason)
	case answer.Unknown && answer.Refused == "":
		return TokenAnswer{}, lied("takes a token that it does not know")
	case answer.TTL > MaxTTL:
		return TokenAnswer{}, lied("says that its answer may be kept for %s; at most %s are allowed", answer.TTL, MaxTTL)
	}
	return answer, nil
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// check finds what goes beyond the contract's limits.
func (a *Answer) check() error {
	switch {
	case len(a.Denied) > maxReason:
		return lied("denies a chain with a reason of %d bytes; at most %d are allowed", len(a.Denied), maxReason)
	case len(a.RootKeys)+len(a.RootKeyIDs) > MaxRootKeys:
		return lied("grants a chain to %d keys; at most %d are allowed", len(a.RootKeys)+len(a.RootKeyIDs), MaxRootKeys)
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
