package static

import (
	"context"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// Resolver is the plugin. Make one with New.
type Resolver struct {
	config config // set by Configure, before any question
	log    hclog.Logger
	now    func() time.Time

	owners atomic.Pointer[owners] // the last good ones; never changed in place

	reloading sync.Mutex // guards what follows; who has it looks at the file
	checked   time.Time
	info      os.FileInfo // of the file when it was read last; nil if it was not there
}

var (
	_ auth.Resolver       = (*Resolver)(nil)
	_ auth.TokenChecker   = (*Resolver)(nil)
	_ plugin.Configurable = (*Resolver)(nil)
)

// New returns the plugin. It denies everyone until Configure has told it more.
func New() *Resolver {
	r := &Resolver{log: hclog.NewNullLogger(), now: time.Now}
	r.owners.Store(new(owners))
	return r
}

// Validate implements plugin.Configurable. It reads the owners file.
func (r *Resolver) Validate(text []byte) error {
	c, err := parseConfig(text)
	if err == nil {
		_, _, err = c.load()
	}
	return err
}

// Configure implements plugin.Configurable.
func (r *Resolver) Configure(_ context.Context, s plugin.Setup) error {
	c, err := parseConfig(s.Config)
	if err != nil {
		return err
	}
	parsed, info, err := c.load()
	if err != nil {
		return err
	}
	r.config, r.info, r.checked = c, info, r.now()
	if s.Logger != nil {
		r.log = s.Logger
	}
	r.owners.Store(&parsed)
	return nil
}

// Resolve implements auth.Resolver.
func (r *Resolver) Resolve(ctx context.Context, q auth.Query) (auth.Answer, error) {
	if err := ctx.Err(); err != nil {
		return auth.Answer{}, fault.New(fault.Unavailable, "the question about %s was given up: %w", q.Chain, err)
	}
	r.reload()
	keys, found := r.owners.Load().find(q.Chain)
	if !found {
		return auth.Answer{Denied: r.config.denial(q.Chain.Owner()), TTL: r.config.ttl}, nil
	}
	return auth.Answer{RootKeys: keys.keys, RootKeyIDs: keys.ids, TTL: r.config.ttl}, nil
}

// CheckToken implements auth.TokenChecker: a token holds unless it is listed.
func (r *Resolver) CheckToken(_ context.Context, q auth.TokenQuery) (auth.TokenAnswer, error) {
	if slices.Contains(r.config.revoked, q.ID) {
		return auth.TokenAnswer{Refused: "the operator of this server revoked it", TTL: r.config.ttl}, nil
	}
	return auth.TokenAnswer{TTL: r.config.ttl}, nil
}
