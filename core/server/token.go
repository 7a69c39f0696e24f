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
	ended   bool // it is refused, and not because it is unknown
	until   time.Time
}

func answered(a auth.TokenAnswer) keptToken {
	return keptToken{a.Refused, a.Refused != "" && !a.Unknown, time.Now().Add(a.TTL)}
}

// uncheckedFor is how long a token holds, and is not asked about again, after a
// resolver could not say. It expires by itself, and what exists already must not
// depend on whether an authentication server can be reached.
const uncheckedFor = 30 * time.Second

// Check implements session.Tokens. It returns until when a token holds without
// being checked again, or a fault that says why it does not. Where nobody is
// asked who owns a chain, nobody revokes tokens: they hold until they expire.
func (t *tokens) Check(ctx context.Context, d token.Delegation) (until time.Time, err error) {
	if len(t.resolvers) == 0 {
		return d.Expires, nil
	}
	id := tokenID{d.ID, d.Issuer.ID()}
	kept, ok := t.kept(id)
	if !ok {
		if kept, err = t.ask(ctx, d, kept); err != nil {
			return time.Time{}, err
		}
		t.keep(id, kept)
	}
	if kept.refused != "" {
		code := fault.BadToken
		if kept.ended {
			code = fault.TokenRevoked
		}
		return time.Time{}, fault.New(code, "token %s of %s does not hold: %s; get another one", d.ID, d.User, kept.refused)
	}
	if d.Expires.Before(kept.until) {
		return d.Expires, nil
	}
	return kept.until, nil
}

// ask asks the resolvers that know of tokens. One that says that it has ended is
// enough to refuse it. Otherwise one that says that it holds suffices, since each
// may know its own. If a resolver cannot say now it holds for a while, unless the
// last answer was that it has ended.
func (t *tokens) ask(ctx context.Context, d token.Delegation, last keptToken) (keptToken, error) {
	var holds, unknown *auth.TokenAnswer
	var unsaid error
	for _, r := range t.resolvers {
		answer, err := r.checkToken(ctx, d)
		switch {
		case fault.Is(err, fault.Unsupported):
		case err != nil:
			unsaid = fault.New(fault.CodeOf(err), "auth resolver %s: %w", r.name, err)
		case answer.Unknown:
			unknown = &answer
		case answer.Refused != "":
			return answered(answer), nil
		case holds == nil || answer.TTL < holds.TTL:
			holds = &answer
		}
	}
	if ctx.Err() != nil { // the connection is gone, which says nothing of the token
		return keptToken{}, fault.New(fault.Unavailable, "asking about token %s: %w", d.ID, context.Cause(ctx))
	}
	switch {
	case holds != nil && unsaid == nil:
		return answered(*holds), nil
	case unknown != nil && unsaid == nil:
		return answered(*unknown), nil
	case unsaid != nil && last.ended:
		last.until = time.Now().Add(uncheckedFor)
		return last, nil
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

// kept returns the last answer, and whether it may still be kept.
func (t *tokens) kept(id tokenID) (kept keptToken, holds bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept = t.answers[id]
	return kept, time.Now().Before(kept.until)
}

func (t *tokens) keep(id tokenID, kept keptToken) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answers == nil || len(t.answers) >= maxAnswers {
		t.answers = make(map[tokenID]keptToken)
	}
	t.answers[id] = kept
}
