package server

import (
	"bytes"
	"context"
	"slices"

	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// ask asks the resolvers, in order, as far as the rule needs. Whatever one
// answers but that it cannot say now is final if it is neither grant nor denial.
func (o *owners) ask(ctx context.Context, name chainname.Name) (auth.Answer, error) {
	switch o.rule {
	case config.AuthAll:
		return o.askAll(ctx, name)
	case config.AuthFirstGrant:
		return o.askUntil(ctx, name, func(a auth.Answer) bool { return a.Denied == "" })
	}
	return o.askUntil(ctx, name, func(auth.Answer) bool { return true })
}

// askUntil returns the first answer that suffices. If none does, but a resolver
// could not say, that is the error, since it might have sufficed; otherwise the
// first answer counts. An answer that was taken because one before could not say
// is kept no longer than that.
func (o *owners) askUntil(ctx context.Context, name chainname.Name, suffices func(auth.Answer) bool) (auth.Answer, error) {
	var first *auth.Answer
	var unsaid error
	for _, r := range o.resolvers {
		answer, err := r.resolve(ctx, name)
		switch {
		case err == nil && suffices(answer):
			if unsaid != nil {
				answer.TTL = min(answer.TTL, retryAfter)
			}
			return answer, nil
		case err == nil && first == nil:
			first = &answer
		case err != nil && !fault.Is(err, fault.Unavailable):
			return auth.Answer{}, err
		case err != nil:
			unsaid = err
		}
	}
	if unsaid != nil {
		return auth.Answer{}, unsaid
	}
	return *first, nil
}

// askAll returns what all resolvers grant, which must be the same keys.
func (o *owners) askAll(ctx context.Context, name chainname.Name) (auth.Answer, error) {
	var all auth.Answer
	for i, r := range o.resolvers {
		answer, err := r.resolve(ctx, name)
		if err != nil || answer.Denied != "" {
			return answer, err
		}
		if i == 0 {
			all = answer
			continue
		}
		all.TTL, all.ChainOnly = min(all.TTL, answer.TTL), all.ChainOnly || answer.ChainOnly
		if !slices.Equal(keyIDs(all), keyIDs(answer)) {
			all.Denied = "auth resolvers " + o.resolvers[0].name + " and " + r.name + " name different keys of " + name.Owner() + ", and have to agree"
			return all, nil
		}
		if len(answer.RootKeys) > len(all.RootKeys) { // of which the others know only ids
			all.RootKeys, all.RootKeyIDs = answer.RootKeys, answer.RootKeyIDs
		}
	}
	return all, nil
}

// keyIDs returns the ids of the keys that a grant is to, each once, in order.
func keyIDs(grant auth.Answer) []event.Hash {
	ids := slices.Clone(grant.RootKeyIDs)
	for _, key := range grant.RootKeys {
		ids = append(ids, event.KeyID(key))
	}
	slices.SortFunc(ids, func(a, b event.Hash) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// resolve asks one resolver, for a limited time.
func (r namedResolver) resolve(ctx context.Context, name chainname.Name) (auth.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	answer, err := r.Resolve(ctx, auth.Query{Chain: name})
	switch {
	case err == nil:
		return answer, nil
	case fault.Is(err, fault.Unavailable) || ctx.Err() != nil:
		return auth.Answer{}, fault.New(fault.Unavailable, "chain %s is new, and auth resolver %s cannot say now whose it is; existing chains are not affected, so try again later: %w", name, r.name, err)
	}
	return auth.Answer{}, fault.New(fault.CodeOf(err), "auth resolver %s: %w", r.name, err)
}
