package server

import (
	"context"
	"crypto/tls"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/pluginhost"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/token"
	"github.com/atedb/atedb/sdk/trust"
)

// current is that of a server which a reload of its configuration may replace
// while everybody works with it.
type current struct {
	owners      *replaceable[*owners]
	tokens      currentTokens
	validator   currentValidator
	compactor   *compactor
	certificate atomic.Pointer[tls.Certificate] // nil if wss:// is not spoken

	load     func() (*config.Config, error)
	host     *pluginhost.Host
	registry *registry
	log      hclog.Logger

	mu      sync.Mutex     // guards what follows: there is one reload at a time
	began   *config.Config // what the server was started with
	config  *config.Config // what it works with, but for what needs a restart
	plugins *plugins
}

func newCurrent(o Options, host *pluginhost.Host, p *plugins, certificate *tls.Certificate) *current {
	c := &current{
		owners:    newReplaceable(&owners{resolvers: p.auth, rule: o.Config.AuthRule}),
		tokens:    currentTokens{newReplaceable(newTokens(p, o.Logger))},
		validator: currentValidator{newReplaceable(p.trust)},
		compactor: newCompactor(p.votes, o.Config.Limits, o.Logger.Named("compaction")),
		load:      o.Reload, host: host, log: o.Logger, began: o.Config, config: o.Config, plugins: p,
	}
	c.certificate.Store(certificate)
	return c
}

func newTokens(p *plugins, log hclog.Logger) *tokens {
	return &tokens{resolvers: p.auth, log: log.Named("tokens")}
}

// currentTokens are the tokens of whichever resolvers there are.
type currentTokens struct{ *replaceable[*tokens] }

// Check implements session.Tokens.
func (t currentTokens) Check(ctx context.Context, d token.Delegation) (until time.Time, err error) {
	tokens, done := t.use()
	defer done()
	return tokens.Check(ctx, d)
}

// currentValidator is the trust plugin, whichever it is.
type currentValidator struct{ *replaceable[trust.Validator] }

var _ trust.Validator = currentValidator{}

// Rules implements trust.Validator.
func (v currentValidator) Rules(ctx context.Context) (trust.Rules, error) {
	plugin, done := v.use()
	defer done()
	return plugin.Rules(ctx)
}

// VerifyProof implements trust.Validator.
func (v currentValidator) VerifyProof(ctx context.Context, p trust.Proof) error {
	plugin, done := v.use()
	defer done()
	return plugin.VerifyProof(ctx, p)
}

// ValidateBatches implements trust.Validator.
func (v currentValidator) ValidateBatches(ctx context.Context, chain event.ChainID, batches []trust.Batch) ([]trust.Verdict, error) {
	plugin, done := v.use()
	defer done()
	return plugin.ValidateBatches(ctx, chain, batches)
}
