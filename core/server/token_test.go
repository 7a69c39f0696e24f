package server

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/auth/authtest"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/token"
)

// knowing is a resolver that says one thing of every token.
type knowing struct {
	authtest.Fake
	answer auth.TokenAnswer
	err    error
	asked  int
}

func (k *knowing) CheckToken(context.Context, auth.TokenQuery) (auth.TokenAnswer, error) {
	k.asked++
	return k.answer, k.err
}

func tokenFor(t *testing.T, life time.Duration) token.Delegation {
	t.Helper()
	made, err := token.New(keys.NewSigningKey(), "joe@example.com", "ws://localhost:5001/auth", token.Options{Chains: []token.Scope{"*"}, For: life}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return made.Delegation
}

// TestTokensOfResolvers tables what several resolvers together say: one that has
// ended the token suffices, or else one that takes it, and one that cannot say now
// leaves it in force.
func TestTokensOfResolvers(t *testing.T) {
	holds := func() *knowing { return &knowing{answer: auth.TokenAnswer{TTL: time.Minute}} }
	short := func() *knowing { return &knowing{answer: auth.TokenAnswer{TTL: time.Second}} }
	refuses := func() *knowing { return &knowing{answer: auth.TokenAnswer{Refused: "revoked", TTL: time.Minute}} }
	stranger := func() *knowing {
		return &knowing{answer: auth.TokenAnswer{Refused: "not one of ours", Unknown: true, TTL: time.Second}}
	}
	away := func() *knowing { return &knowing{err: fault.New(fault.Unavailable, "no route")} }
	ignorant := func() *knowing { return &knowing{err: fault.New(fault.Unsupported, "no tokens here")} }
	plain := &authtest.Fake{} // not even the method
	for name, test := range map[string]struct {
		resolvers []auth.Resolver
		code      fault.Code
		holdsFor  time.Duration
	}{
		"nobody is asked at all":    {nil, "", time.Hour},
		"it holds":                  {[]auth.Resolver{holds()}, "", time.Minute},
		"it is revoked":             {[]auth.Resolver{refuses()}, fault.TokenRevoked, 0},
		"the second knows it":       {[]auth.Resolver{stranger(), holds()}, "", time.Minute},
		"the first knows it":        {[]auth.Resolver{holds(), stranger()}, "", time.Minute},
		"nobody knows it":           {[]auth.Resolver{stranger(), ignorant()}, fault.BadToken, 0},
		"the first revoked it":      {[]auth.Resolver{refuses(), holds()}, fault.TokenRevoked, 0},
		"the second revoked it":     {[]auth.Resolver{holds(), refuses()}, fault.TokenRevoked, 0},
		"two take it":               {[]auth.Resolver{holds(), short()}, "", time.Second},
		"one takes it, one is away": {[]auth.Resolver{holds(), away()}, "", uncheckedFor},
		"one who knows it is away":  {[]auth.Resolver{stranger(), away()}, "", uncheckedFor},
		"the first is ignorant":     {[]auth.Resolver{plain, ignorant(), refuses()}, fault.TokenRevoked, 0},
		"nobody can tell":           {[]auth.Resolver{plain, ignorant()}, fault.Unsupported, 0},
		"who knows is away":         {[]auth.Resolver{ignorant(), away()}, "", uncheckedFor},
		"one refuses, one is away":  {[]auth.Resolver{away(), refuses()}, fault.TokenRevoked, 0},
	} {
		checked := &tokens{log: hclog.NewNullLogger()}
		for _, r := range test.resolvers {
			checked.resolvers = append(checked.resolvers, namedResolver{"r", r})
		}
		began := time.Now()
		until, err := checked.Check(t.Context(), tokenFor(t, time.Hour))
		if fault.CodeOf(err) != test.code {
			t.Errorf("%s: %v", name, err)
		}
		if left := until.Sub(began); err == nil && (left < test.holdsFor-time.Second || left > test.holdsFor+time.Second) {
			t.Errorf("%s: it holds for %v, want %v", name, left, test.holdsFor)
		}
	}
}

// TestTokensKeepAnswers asks once while an answer holds, and never takes a token
// to hold longer than it says itself.
func TestTokensKeepAnswers(t *testing.T) {
	k := &knowing{answer: auth.TokenAnswer{TTL: time.Hour}}
	checked := &tokens{log: hclog.NewNullLogger(), resolvers: []namedResolver{{"r", k}}}
	d := tokenFor(t, time.Minute)
	for range 3 {
		if until, err := checked.Check(t.Context(), d); err != nil || !until.Equal(d.Expires) || k.asked != 1 {
			t.Errorf("until %v, want %v (%v), asked %d times", until, d.Expires, err, k.asked)
		}
	}
	if _, err := checked.Check(t.Context(), tokenFor(t, time.Minute)); err != nil || k.asked != 2 {
		t.Errorf("another token: %v, asked %d times", err, k.asked)
	}
	k.answer = auth.TokenAnswer{Refused: "revoked"}
	id := tokenID{d.ID, d.Issuer.ID()}
	checked.answers[id] = keptToken{until: time.Now().Add(-time.Second)}
	if _, err := checked.Check(t.Context(), d); !fault.Is(err, fault.TokenRevoked) {
		t.Errorf("a token that was revoked since: %v", err)
	}
}

// TestEndedTokenStaysEnded: the attack is to use a token that was revoked while
// nobody can be asked.
func TestEndedTokenStaysEnded(t *testing.T) {
	k := &knowing{answer: auth.TokenAnswer{Refused: "revoked"}} // to be asked again at once
	checked := &tokens{log: hclog.NewNullLogger(), resolvers: []namedResolver{{"r", k}}}
	d := tokenFor(t, time.Hour)
	for range 2 {
		if _, err := checked.Check(t.Context(), d); !fault.Is(err, fault.TokenRevoked) {
			t.Errorf("after %d questions: %v", k.asked, err)
		}
		k.err = fault.New(fault.Unavailable, "no route")
	}
	if k.asked != 2 {
		t.Errorf("it was asked %d times", k.asked)
	}
	if _, err := checked.Check(t.Context(), tokenFor(t, time.Hour)); err != nil {
		t.Errorf("another token, of which nothing is known: %v", err)
	}
}

// TestGivenUpQuestionSaysNothing: the attack is to use a token that was revoked by
// leaving while it is asked about, and coming back.
func TestGivenUpQuestionSaysNothing(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	k := &knowing{err: fault.New(fault.Unavailable, "given up")}
	checked := &tokens{log: hclog.NewNullLogger(), resolvers: []namedResolver{{"r", k}}}
	d := tokenFor(t, time.Hour)
	if _, err := checked.Check(gone, d); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a question that was given up: %v", err)
	}
	k.err, k.answer = nil, auth.TokenAnswer{Refused: "revoked"}
	if _, err := checked.Check(t.Context(), d); !fault.Is(err, fault.TokenRevoked) {
		t.Errorf("the next question: %v", err)
	}
}
