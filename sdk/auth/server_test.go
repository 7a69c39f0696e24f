package auth

import (
	"context"
	"math"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/atedb/atedb/sdk/auth/authpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
)

// resolve is a Resolver made of a function.
type resolve func(Query) (Answer, error)

func (f resolve) Resolve(_ context.Context, q Query) (Answer, error) { return f(q) }

func TestServerConvertsAnswers(t *testing.T) {
	for _, c := range []struct {
		answer Answer
		ttl    uint32
	}{
		{Answer{RootKeys: [][]byte{{1}, {2}}, TTL: 90*time.Second + time.Millisecond}, 90},
		{Answer{TTL: time.Millisecond}, 0},
		{Answer{TTL: -time.Second}, 0},
		{Answer{Denied: "not yours", TTL: time.Minute}, 60},
		{Answer{TTL: math.MaxInt64}, math.MaxUint32},
	} {
		s := &server{resolver: resolve(func(Query) (Answer, error) { return c.answer, nil })}
		reply, err := s.Resolve(t.Context(), &authpb.ResolveRequest{Chain: "engineers/db"})
		if err != nil {
			t.Fatal(err)
		}
		ttl, keys := reply.GetGrant().GetTtlSeconds(), reply.GetGrant().GetRootKeys()
		if c.answer.Denied != "" {
			ttl = reply.GetDenial().GetTtlSeconds()
		}
		if ttl != c.ttl || len(keys) != len(c.answer.RootKeys) || reply.GetDenial().GetReason() != c.answer.Denied {
			t.Errorf("%+v became %v", c.answer, reply)
		}
	}
}

// checks is a TokenChecker that gives one answer.
type checks struct {
	resolve
	answer TokenAnswer
}

func (c checks) CheckToken(context.Context, TokenQuery) (TokenAnswer, error) { return c.answer, nil }

// TestTokenAnswers takes answers about tokens there and back.
func TestTokenAnswers(t *testing.T) {
	for _, answer := range []TokenAnswer{
		{TTL: time.Minute}, {Refused: "revoked", TTL: time.Second}, {Refused: "what token?", Unknown: true},
	} {
		s := &server{resolver: checks{answer: answer}}
		c := NewClient(direct{s})
		if got, err := c.CheckToken(t.Context(), TokenQuery{User: "joe@example.com"}); err != nil || got != answer {
			t.Errorf("%+v became %+v, %v", answer, got, err)
		}
	}
	c := NewClient(direct{&server{resolver: checks{answer: TokenAnswer{Unknown: true}}}})
	if got, err := c.CheckToken(t.Context(), TokenQuery{User: "joe@example.com"}); !fault.Is(err, fault.BadMessage) {
		t.Errorf("a token that holds and is not known became %+v, %v", got, err)
	}
}

// direct is a connection to a server in this process, for questions about tokens.
type direct struct{ *server }

func (d direct) Invoke(ctx context.Context, _ string, args, reply any, _ ...grpc.CallOption) error {
	answer, err := d.CheckToken(ctx, args.(*authpb.CheckTokenRequest))
	if err == nil {
		proto.Merge(reply.(proto.Message), answer)
	}
	return err
}

func (direct) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	panic("no call of the contract is a stream")
}

func TestServerRefusesAndFails(t *testing.T) {
	s := &server{resolver: resolve(func(q Query) (Answer, error) {
		return Answer{}, fault.New(fault.Unavailable, "cannot say of %s", q.Chain)
	})}
	_, err := s.Resolve(t.Context(), &authpb.ResolveRequest{Chain: "../db"})
	if fault.CodeOf(faultrpc.FromStatus(err)) != fault.BadName {
		t.Errorf("got %v", err)
	}
	_, err = s.Resolve(t.Context(), &authpb.ResolveRequest{Chain: "engineers/db"})
	if f := fault.From(faultrpc.FromStatus(err)); f.Code != fault.Unavailable || f.Reason != "cannot say of engineers/db" {
		t.Errorf("got %v", f)
	}
}
