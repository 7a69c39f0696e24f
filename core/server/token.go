package server

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/token"
)

// tokens finds out whether tokens that are good in themselves still hold: it
// asks the resolvers that can tell, and keeps answers as long as they hold.
type tokens struct {
	resolvers []namedResolver
	log       hclog.Logger

	mu      sync.Mutex // guards answers
	answers map[tokenID]keptToken
}

type tokenID struct {
	id     [16]byte
	issuer event.Hash
}

type keptToken struct {
	refused string
	until   time.Time
}

// uncheckedFor is how long a token holds, and is not asked about again, after
// no resolver could say. It expires by itself, and what exists already must not
// depend on whether an authentication server can be reached.
const uncheckedFor = 30 * time.Second

// Check implements session.Tokens. It returns until when a token holds without being checked again, or a
// fault that says why it does not. Where nobody is asked who owns a chain,
// nobody revokes tokens: they hold until they expire.
func (t *tokens) Check(ctx context.Context, d token.Delegation) (until time.Time, err error) {
	if len(t.resolvers) == 0 {
		return d.Expires, nil
	}
	id := tokenID{d.ID, d.Issuer.ID()}
	kept, ok := t.kept(id)
	if !ok {
		if kept, err = t.ask(ctx, d); err != nil {
			return time.Time{}, err
		}
		t.keep(id, kept)
	}
	if kept.refused != "" {
		return time.Time{}, fault.New(fault.TokenRevoked, "token %s of %s does not hold: %s; get another one", d.ID, d.User, kept.refused)
	}
	if d.Expires.Before(kept.until) {
		return d.Expires, nil
	}
	return kept.until, nil
}

// ask asks the resolvers that know of tokens. One that says that it holds
// suffices, since each may know its own.
func (t *tokens) ask(ctx context.Context, d token.Delegation) (keptToken, error) {
	var refused keptToken
	var unsaid error
	for _, r := range t.resolvers {
		answer, err := r.checkToken(ctx, d)
		switch {
		case err == nil && answer.Refused == "":
			return keptToken{until: time.Now().Add(answer.TTL)}, nil
		case err == nil:
			refused = keptToken{answer.Refused, time.Now().Add(answer.TTL)}
		case !fault.Is(err, fault.Unsupported):
			unsaid = fault.New(fault.CodeOf(err), "auth resolver %s: %w", r.name, err)
		}
	}
	switch {
	case refused.refused != "":
		return refused, nil
	case unsaid != nil:
		t.log.Warn("whether a token was revoked is not known; it is taken to hold for now", "token", d.ID.String(), "user", d.User, "for", uncheckedFor.String(), "error", unsaid)
		return keptToken{until: time.Now().Add(uncheckedFor)}, nil
	}
	return keptToken{}, fault.New(fault.Unsupported, "this server takes no tokens, since none of its auth plugins knows whether one was revoked; write with a key of your own")
}

func (r namedResolver) checkToken(ctx context.Context, d token.Delegation) (auth.TokenAnswer, error) {
	checker, ok := r.Resolver.(auth.TokenChecker)
	if !ok {
		return auth.TokenAnswer{}, fault.New(fault.Unsupported, "auth resolver %s knows no tokens", r.name)
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	return checker.CheckToken(ctx, auth.TokenQuery{User: d.User.String(), ID: d.ID, Issuer: d.Issuer.ID()})
}

func (t *tokens) kept(id tokenID) (keptToken, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept, ok := t.answers[id]
	if ok && time.Now().After(kept.until) {
		delete(t.answers, id)
		ok = false
	}
	return kept, ok
}

func (t *tokens) keep(id tokenID, kept keptToken) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answers == nil || len(t.answers) >= maxAnswers {
		t.answers = make(map[tokenID]keptToken)
	}
	t.answers[id] = kept
}
