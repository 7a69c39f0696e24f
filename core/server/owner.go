package server

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

const (
	resolveTimeout = 5 * time.Second // for one resolver's answer
	retryAfter     = time.Second     // how long it counts that nobody can say
	maxAnswers     = 100_000         // answers kept
)

// owners finds out who owns a new chain: it asks the resolvers, as their rule
// says, and keeps answers as long as they hold. Nobody waits for what somebody
// else asks.
type owners struct {
	resolvers []namedResolver
	rule      string // one of config's; "" is the first answer

	mu      sync.Mutex // guards answers
	answers map[string]keptAnswer
}

type namedResolver struct {
	name string
	auth.Resolver
}

// keptAnswer is an answer, or that there was none.
type keptAnswer struct {
	auth.Answer
	err   error
	until time.Time
}

// rootKeys returns the keys that may write a new chain's roots; with none,
// anyone may. Shown are those of its creator. The owner's being refused is a
// denied fault.
func (o *owners) rootKeys(ctx context.Context, name chainname.Name, shown [][]byte) ([][]byte, error) {
	if len(o.resolvers) == 0 {
		return nil, nil
	}
	kept, ok := o.kept(name)
	if !ok {
		answer, err := o.ask(ctx, name)
		kept = o.keep(name, answer, err)
	}
	switch {
	case kept.err != nil:
		return nil, kept.err
	case kept.Denied != "":
		return nil, fault.New(fault.Denied, "chain %s may not be created: %s", name, kept.Denied)
	}
	return withShown(name, kept.Answer, shown)
}

// withShown returns the keys of a grant. Of keys of which it knows only ids, the
// creator has to show one.
func withShown(name chainname.Name, grant auth.Answer, shown [][]byte) ([][]byte, error) {
	granted := slices.Clone(grant.RootKeys)
	for _, key := range shown {
		isGranted := func(other []byte) bool { return bytes.Equal(other, key) }
		if slices.Contains(grant.RootKeyIDs, event.KeyID(key)) && !slices.ContainsFunc(granted, isGranted) {
			granted = append(granted, key)
		}
	}
	if len(granted) == 0 && len(grant.RootKeyIDs) > 0 {
		return nil, fault.New(fault.NotAuthorized, "chain %s is new and belongs to %s, of whose keys only the ids are known here; whoever makes it has to write with one of them", name, name.Owner())
	}
	return granted, nil
}

func (o *owners) kept(name chainname.Name) (keptAnswer, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, about := range []string{name.String(), name.Owner()} {
		if answer, ok := o.answers[about]; ok {
			if time.Now().Before(answer.until) {
				return answer, true
			}
			delete(o.answers, about)
		}
	}
	return keptAnswer{}, false
}

// keep remembers an answer for all of the owner's chains, unless it is about
// one alone.
func (o *owners) keep(name chainname.Name, answer auth.Answer, err error) keptAnswer {
	if fault.Is(err, fault.Unavailable) {
		answer.TTL = retryAfter
	}
	kept := keptAnswer{answer, err, time.Now().Add(answer.TTL)}
	if answer.TTL <= 0 {
		return kept
	}
	about := name.Owner() // a chain's name has a slash, and an owner none
	if answer.ChainOnly {
		about = name.String()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answers == nil || len(o.answers) >= maxAnswers {
		o.answers = make(map[string]keptAnswer)
	}
	o.answers[about] = kept
	return kept
}
