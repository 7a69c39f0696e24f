package ate

import (
	"context"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/dns"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/plugin"
)

// defaultPatience is how long a question may take, with connecting.
const defaultPatience = 3 * time.Second

// deniedTTL is how long a denial may be kept: whoever is told how to make the
// owner will have done so soon.
const deniedTTL = time.Second

// minEncryption is the least wire encryption, so that an answer is the server's.
const minEncryption = 128

// folder is where the plugin remembers the server, its log and what it showed of
// each name, in the daemon's data folder.
var folder = filepath.Join("server", "auth-ate")

// Resolver is the plugin. Make one with New.
type Resolver struct {
	config   config // set by Configure, before any question, as the rest
	log      hclog.Logger
	line     *line
	patience time.Duration // of a question, with connecting
}

var (
	_ auth.Resolver       = (*Resolver)(nil)
	_ auth.TokenChecker   = (*Resolver)(nil)
	_ plugin.Configurable = (*Resolver)(nil)
	_ plugin.Stopper      = (*Resolver)(nil)
)

// New returns the plugin, to be configured.
func New() *Resolver { return &Resolver{log: hclog.NewNullLogger(), patience: defaultPatience} }

// Validate implements plugin.Configurable.
func (r *Resolver) Validate(text []byte) error {
	_, err := parseConfig(text)
	return err
}

// Configure implements plugin.Configurable. It does not connect: a server that
// is not there yet may come.
func (r *Resolver) Configure(_ context.Context, s plugin.Setup) error {
	c, err := parseConfig(s.Config)
	if err != nil {
		return err
	}
	names, err := dns.New(dns.Config(s.DNS))
	if err != nil {
		return err
	}
	r.config = c
	if s.Logger != nil {
		r.log = s.Logger
	}
	remembered := known.Folder(filepath.Join(s.DataDir, folder))
	options := authserver.Options{
		Agent: "atedb auth-ate " + plugin.BuildVersion(), MinEncryption: minEncryption, DialContext: names.DialContext,
		Hosts: remembered, Heads: remembered, Statements: remembered,
	}
	if c.trust {
		options.OnUnknownServer = func(host string, fingerprint identity.Fingerprint) bool {
			r.log.Warn("the authentication server is trusted on first use; pin it by adding its fingerprint to the configuration of auth ate",
				"server", host, "fingerprint", fingerprint.String(), "remembered in", string(remembered))
			return true
		}
	}
	r.line = newLine(r.patience, func(ctx context.Context) (*authserver.Client, error) {
		return authserver.Dial(ctx, c.url.String(), options)
	})
	return nil
}

// Shutdown implements plugin.Stopper.
func (r *Resolver) Shutdown(context.Context) error {
	if r.line != nil {
		r.line.close()
	}
	return nil
}

// Resolve implements auth.Resolver.
func (r *Resolver) Resolve(ctx context.Context, q auth.Query) (auth.Answer, error) {
	var keys [][]byte
	owner := q.Chain.Owner()
	err := r.ask(ctx, func(ctx context.Context, c *authserver.Client) (err error) {
		keys, err = rootKeys(ctx, c, owner, q.Chain.IsGroup())
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return auth.Answer{Denied: r.denial(owner, q.Chain.IsGroup()), TTL: min(deniedTTL, r.config.ttl)}, nil
	}
	if err != nil {
		return auth.Answer{}, r.explain(err, "whose the chain %s is cannot be asked", q.Chain)
	}
	return auth.Answer{RootKeys: keys, TTL: r.config.ttl}, nil
}

func rootKeys(ctx context.Context, c *authserver.Client, owner string, isGroup bool) ([][]byte, error) {
	if isGroup {
		statement, err := c.LookGroup(ctx, owner)
		return statement.RootKeys(), err
	}
	name, err := account.ParseName(owner)
	if err != nil {
		return nil, err
	}
	advert, err := c.LookUser(ctx, name)
	return [][]byte{advert.Signing.Bytes()}, err
}

// denial is the sentence for an owner whom the server does not know.
func (r *Resolver) denial(owner string, isGroup bool) string {
	what := "user create"
	if isGroup {
		what = "group create"
	}
	return "the authentication server at " + r.config.url.Host + " knows no " + owner + "; create it with: ate " + what + " " + owner + " --auth " + r.url()
}

// url returns the server's URL without its fingerprint.
func (r *Resolver) url() string {
	return authserver.URL{Scheme: r.config.url.Scheme, Host: r.config.url.Host}.String()
}

// CheckToken implements auth.TokenChecker.
func (r *Resolver) CheckToken(ctx context.Context, q auth.TokenQuery) (auth.TokenAnswer, error) {
	var answer auth.TokenAnswer
	err := r.ask(ctx, func(ctx context.Context, c *authserver.Client) (err error) {
		answer, err = c.CheckToken(ctx, account.Name(q.User), q.ID, q.Issuer)
		return err
	})
	if err != nil {
		return auth.TokenAnswer{}, r.explain(err, "whether a token of %s holds cannot be asked", q.User)
	}
	return answer, nil
}

// ask asks the server within a time of its own, so that one that hangs holds
// nobody up for long. Where a connection is lost, or silent for half of the time,
// it asks once more on another.
func (r *Resolver) ask(ctx context.Context, question func(context.Context, *authserver.Client) error) error {
	if r.line == nil {
		return fault.New(fault.Unavailable, "auth ate is not configured")
	}
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	lost, err := r.try(ctx, r.patience/2, question)
	if lost && ctx.Err() == nil {
		_, err = r.try(ctx, r.patience, question)
	}
	return err
}

// try asks once, and reports whether the connection was lost on it.
func (r *Resolver) try(ctx context.Context, patience time.Duration, question func(context.Context, *authserver.Client) error) (lost bool, err error) {
	c, err := r.line.client(ctx)
	if err != nil {
		return false, err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = question(limited, c)
	if err != nil && limited.Err() == context.DeadlineExceeded {
		c.Close() // it hangs
	}
	return err != nil && c.Err() != nil, err
}

// explain says what could not be asked and how to go on, and keeps the code of
// what shows a false server. Everything else is unavailable.
func (r *Resolver) explain(err error, format string, args ...any) error {
	what := fault.New(fault.Internal, format, args...).Reason
	switch code := fault.CodeOf(err); code {
	case fault.WrongServer, fault.UnknownServer, fault.Forked:
		return fault.New(code, "%s at the authentication server %s: %w", what, r.url(), err)
	}
	return fault.New(fault.Unavailable, "%s at the authentication server %s: %w; start it with auth-server run, correct url in the configuration of auth ate, or run atedb without it (--no-auth); chains that are there already are not affected", what, r.url(), err)
}
