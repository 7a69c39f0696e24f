package server

import (
	"context"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

const (
	resolveTimeout = 5 * time.Second // for one resolver's answer
	maxAnswers     = 100_000         // answers kept
)

// owners finds out who owns a new chain: it asks the resolvers in order, goes
// to the next when one cannot say now, and keeps answers as long as they hold.
type owners struct {
	resolvers []namedResolver

	mu      sync.Mutex // guards answers
	answers map[chainname.Name]keptAnswer
}

type namedResolver struct {
	name string
	auth.Resolver
}

type keptAnswer struct {
	auth.Answer
	until time.Time
}

// rootKeys returns the keys that may write a new chain's roots; with none,
// anyone may. The owner's being refused is a denied fault.
func (o *owners) rootKeys(ctx context.Context, name chainname.Name) ([][]byte, error) {
	if len(o.resolvers) == 0 {
		return nil, nil
	}
	answer, ok := o.kept(name)
	if !ok {
		var err error
		if answer, err = o.ask(ctx, name); err != nil {
			return nil, err
		}
		o.keep(name, answer)
	}
	if answer.Denied != "" {
		return nil, fault.New(fault.Denied, "chain %s may not be created: %s", name, answer.Denied)
	}
	return answer.RootKeys, nil
}

func (o *owners) ask(ctx context.Context, name chainname.Name) (auth.Answer, error) {
	var last error
	for _, r := range o.resolvers {
		answer, err := resolve(ctx, r, name)
		if err == nil {
			return answer, nil
		}
		if !fault.Is(err, fault.Unavailable) {
			return auth.Answer{}, fault.New(fault.CodeOf(err), "auth resolver %s: %w", r.name, err)
		}
		last = fault.New(fault.Unavailable, "chain %s is new, and auth resolver %s cannot say now whose it is; existing chains are not affected, so try again later: %w", name, r.name, err)
	}
	return auth.Answer{}, last
}

func resolve(ctx context.Context, r auth.Resolver, name chainname.Name) (auth.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	return r.Resolve(ctx, auth.Query{Chain: name})
}

func (o *owners) kept(name chainname.Name) (auth.Answer, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	answer, ok := o.answers[name]
	if ok && time.Now().After(answer.until) {
		delete(o.answers, name)
		ok = false
	}
	return answer.Answer, ok
}

func (o *owners) keep(name chainname.Name, answer auth.Answer) {
	if answer.TTL <= 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answers == nil || len(o.answers) >= maxAnswers {
		o.answers = make(map[chainname.Name]keptAnswer)
	}
	o.answers[name] = keptAnswer{answer, time.Now().Add(answer.TTL)}
}
