package auth

import (
	"context"
	"math"
	"testing"
	"time"

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
