package auth

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/atedb/atedb/sdk/auth/authpb"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// canned is a connection to a plugin that gives one answer to everything, and
// keeps the last question.
type canned struct {
	grpc.ClientConnInterface
	reply *authpb.ResolveReply
	err   error
	asked *authpb.ResolveRequest
}

func (c *canned) Invoke(_ context.Context, _ string, args, reply any, _ ...grpc.CallOption) error {
	c.asked = args.(*authpb.ResolveRequest)
	if c.err == nil {
		proto.Merge(reply.(proto.Message), c.reply)
	}
	return c.err
}

func grant(ttl uint32, keys ...[]byte) *authpb.ResolveReply {
	return &authpb.ResolveReply{Answer: &authpb.ResolveReply_Grant{Grant: &authpb.Grant{RootKeys: keys, TtlSeconds: ttl}}}
}

func denial(reason string) *authpb.ResolveReply {
	return &authpb.ResolveReply{Answer: &authpb.ResolveReply_Denial{Denial: &authpb.Denial{Reason: reason, TtlSeconds: 1}}}
}

func TestClientAsksForOwnerAndKind(t *testing.T) {
	for name, want := range map[string]*authpb.ResolveRequest{
		"example.com/joe/db": {Chain: "example.com/joe/db", Owner: "joe@example.com", Kind: authpb.Kind_KIND_USER},
		"engineers/db":       {Chain: "engineers/db", Owner: "engineers", Kind: authpb.Kind_KIND_GROUP},
	} {
		c := &canned{reply: grant(0)}
		if _, err := NewClient(c).Resolve(t.Context(), query(name)); err != nil || !proto.Equal(c.asked, want) {
			t.Errorf("asked %v (%v), want %v", c.asked, err, want)
		}
	}
}

func TestClientRefusesWhatTheContractForbids(t *testing.T) {
	many := make([][]byte, MaxRootKeys+1)
	for i := range many {
		many[i] = []byte("key")
	}
	for want, reply := range map[string]*authpb.ResolveReply{
		"neither grants nor denies": {},
		"without a reason":          denial(""),
		"reason of 4097 bytes":      denial(strings.Repeat("x", maxReason+1)),
		"to 65 keys":                grant(0, many...),
		"(number 2) of 0 bytes":     grant(0, []byte("key"), nil),
		"of 16385 bytes":            grant(0, make([]byte, MaxPublicKey+1)),
		"kept for 24h0m1s":          grant(uint32(MaxTTL.Seconds()) + 1),
	} {
		_, err := NewClient(&canned{reply: reply}).Resolve(t.Context(), query("engineers/db"))
		if !fault.Is(err, fault.BadMessage) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
	for _, reply := range []*authpb.ResolveReply{grant(uint32(MaxTTL.Seconds()), many[:MaxRootKeys]...), denial("no")} {
		if _, err := NewClient(&canned{reply: reply}).Resolve(t.Context(), query("engineers/db")); err != nil {
			t.Errorf("an answer within the limits gave %v", err)
		}
	}
}

func TestClientMakesFaults(t *testing.T) {
	_, err := NewClient(&canned{err: status.Error(codes.Unavailable, "connection refused")}).Resolve(t.Context(), query("engineers/db"))
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func query(name string) Query { return Query{Chain: chainname.Name(name)} }
