package authtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/conform"
)

// newSubject returns a fake that keeps the contract.
func newSubject() (Subject, *Fake) {
	f := &Fake{
		Answers: map[chainname.Name]auth.Answer{
			"engineers/db": {RootKeys: [][]byte{[]byte("key 1"), []byte("key 2")}, TTL: time.Minute},
			"strangers/db": {Denied: "strangers have no chains here", TTL: time.Second},
		},
		OnResolve: func(ctx context.Context, q auth.Query) error {
			if q.Chain == "sleepers/db" {
				<-ctx.Done()
			}
			return nil
		},
	}
	return Subject{Resolver: f, Granted: "engineers/db", Denied: "strangers/db", Stalled: "sleepers/db"}, f
}

func TestFakeKeepsTheContract(t *testing.T) {
	Run(t, func(testing.TB) Subject {
		s, _ := newSubject()
		return s
	})
}

func TestZeroFakeGrants(t *testing.T) {
	Run(t, func(testing.TB) Subject { return Subject{Resolver: &Fake{}, Granted: "engineers/db"} })
}

func TestFakeRemembersQuestions(t *testing.T) {
	s, f := newSubject()
	resolve(t, s, s.Granted)
	resolve(t, s, s.Denied)
	if got := f.Asked(); !slices.Equal(got, []chainname.Name{s.Granted, s.Denied}) {
		t.Errorf("Asked() = %v", got)
	}
}

// TestBrokenResolversAreCaught breaks each promise in turn and wants the check
// named beside it to notice.
func TestBrokenResolversAreCaught(t *testing.T) {
	tests := []struct {
		what, check string
		damage      func(*Fake)
	}{
		{"denies what it should grant", "Grant", func(f *Fake) { f.Answers["engineers/db"] = auth.Answer{Denied: "no"} }},
		{"fails", "Grant", func(f *Fake) { f.OnResolve = func(context.Context, auth.Query) error { return errors.New("oops") } }},
		{"too many keys", "Grant", func(f *Fake) {
			f.Answers["engineers/db"] = auth.Answer{RootKeys: slices.Repeat([][]byte{{1}}, auth.MaxRootKeys+1)}
		}},
		{"a key too large", "Grant", func(f *Fake) {
			f.Answers["engineers/db"] = auth.Answer{RootKeys: [][]byte{make([]byte, auth.MaxPublicKey+1)}}
		}},
		{"an empty key", "Grant", func(f *Fake) { f.Answers["engineers/db"] = auth.Answer{RootKeys: [][]byte{{}}} }},
		{"kept too long", "Grant", func(f *Fake) { f.Answers["engineers/db"] = auth.Answer{TTL: auth.MaxTTL + 1} }},
		{"a negative TTL", "Grant", func(f *Fake) { f.Answers["engineers/db"] = auth.Answer{TTL: -1} }},
		{"grants what it should deny", "Denial", func(f *Fake) { delete(f.Answers, "strangers/db") }},
		{"a reason of two lines", "Denial", func(f *Fake) { f.Answers["strangers/db"] = auth.Answer{Denied: "a\nb"} }},
		{"a denial with keys", "Denial", func(f *Fake) {
			f.Answers["strangers/db"] = auth.Answer{Denied: "no", RootKeys: [][]byte{{1}}}
		}},
		{"an error without a code", "AnyName", func(f *Fake) { f.OnResolve = failOn("null/true", errors.New("parse error")) }},
		{"an error with another code", "AnyName", func(f *Fake) { f.OnResolve = failOn("null/true", fault.New(fault.NotFound, "no such owner")) }},
		{"another answer each time", "SameAnswer", changeEachTime},
		{"another answer each time", "Concurrent", changeEachTime},
		{"no context", "ContextDone", func(f *Fake) {
			f.OnResolve = func(ctx context.Context, _ auth.Query) error { return ctx.Err() }
		}},
		{"holds up others", "Stalled", func(f *Fake) { f.OnResolve = oneAtATime(f.OnResolve) }},
		{"ignores its context", "Stalled", func(f *Fake) {
			f.OnResolve = func(_ context.Context, q auth.Query) error {
				if q.Chain == "sleepers/db" {
					<-t.Context().Done()
				}
				return nil
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.check+"/"+test.what, func(t *testing.T) {
			if got := complaints(t, test.check, test.damage); len(got) == 0 {
				t.Error("the check does not notice")
			}
		})
	}
}

// complaints runs one check on a damaged fake.
func complaints(t *testing.T, name string, damage func(*Fake)) []string {
	s, f := newSubject()
	damage(f)
	for _, c := range checks {
		if c.name == name {
			return conform.Complaints(t, func(tb testing.TB) { c.run(tb, s) })
		}
	}
	t.Fatalf("there is no check %s", name)
	return nil
}

func failOn(name chainname.Name, err error) func(context.Context, auth.Query) error {
	return func(_ context.Context, q auth.Query) error {
		if q.Chain == name {
			return err
		}
		return nil
	}
}

func oneAtATime(onResolve func(context.Context, auth.Query) error) func(context.Context, auth.Query) error {
	var mu sync.Mutex
	return func(ctx context.Context, q auth.Query) error {
		mu.Lock()
		defer mu.Unlock()
		return onResolve(ctx, q)
	}
}

// changeEachTime fails every second question.
func changeEachTime(f *Fake) {
	var mu sync.Mutex
	var calls int
	f.OnResolve = func(context.Context, auth.Query) error {
		mu.Lock()
		defer mu.Unlock()
		calls++
		if calls%2 == 0 {
			return fault.New(fault.Unavailable, "try again")
		}
		return nil
	}
}
