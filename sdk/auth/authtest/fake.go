package authtest

import (
	"context"
	"slices"
	"sync"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// Fake is a resolver that answers from memory. Its fields are set before the
// first call; the zero value grants every chain to anyone.
type Fake struct {
	// Answers are the answers about the chains named here.
	Answers map[chainname.Name]auth.Answer
	// Default is the answer about all other chains.
	Default auth.Answer
	// OnResolve, if not nil, comes before each answer. It may block, and the
	// error that it returns takes the answer's place.
	OnResolve func(ctx context.Context, q auth.Query) error

	mu    sync.Mutex // guards asked
	asked []chainname.Name
}

// Resolve implements auth.Resolver.
func (f *Fake) Resolve(ctx context.Context, q auth.Query) (auth.Answer, error) {
	f.mu.Lock()
	f.asked = append(f.asked, q.Chain)
	f.mu.Unlock()
	if f.OnResolve != nil {
		if err := f.OnResolve(ctx, q); err != nil {
			return auth.Answer{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return auth.Answer{}, fault.New(fault.Unavailable, "the question was given up: %w", err)
	}
	if answer, ok := f.Answers[q.Chain]; ok {
		return answer, nil
	}
	return f.Default, nil
}

// Asked returns the chains that were asked about so far, in order.
func (f *Fake) Asked() []chainname.Name {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}
