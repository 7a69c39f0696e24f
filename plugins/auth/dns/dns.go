package dns

import (
	"context"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/dns"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// Resolver is the plugin. Make one with New.
type Resolver struct {
	config config // set by Configure, before any question, as what follows
	lookup *dns.Resolver
	log    hclog.Logger
}

var (
	_ auth.Resolver       = (*Resolver)(nil)
	_ plugin.Configurable = (*Resolver)(nil)
)

// New returns the plugin. It denies everything until Configure has told it more.
func New() *Resolver { return &Resolver{log: hclog.NewNullLogger()} }

// Validate implements plugin.Configurable.
func (r *Resolver) Validate(text []byte) error {
	_, err := parseConfig(text)
	return err
}

// Configure implements plugin.Configurable.
func (r *Resolver) Configure(_ context.Context, s plugin.Setup) error {
	c, err := parseConfig(s.Config)
	if err != nil {
		return err
	}
	if s.Logger != nil {
		r.log = s.Logger
	}
	switch {
	case s.DNS.Secure:
	case c.requireDNSSEC:
		return fault.New(fault.BadConfig, "auth dns takes only keys that DNSSEC proves, and the server does not check it; set dns_sec to true (--dns-sec), or require_dnssec to false and believe whoever answers for the DNS server")
	default:
		r.log.Warn("keys are taken from DNS without a proof: whoever can forge its answers owns every new chain; set dns_sec and require_dnssec to true")
	}
	if r.lookup, err = dns.New(dns.Config(s.DNS)); err != nil {
		return err
	}
	r.config = c
	return nil
}

// Resolve implements auth.Resolver.
func (r *Resolver) Resolve(ctx context.Context, q auth.Query) (auth.Answer, error) {
	subject, reason := r.config.scope.Subject(q.Chain)
	if reason != "" {
		return auth.Answer{Denied: reason, TTL: r.config.ttl}, nil
	}
	where := nameOf(subject)
	texts, err := r.lookup.TXT(ctx, where)
	var found findings
	switch {
	case err == nil:
		found = read(texts)
	case fault.Is(err, fault.NotFound), fault.Is(err, fault.BadRequest): // which says that there can be no such name
	default:
		return auth.Answer{}, fault.New(fault.Unavailable, "the keys of %s cannot be had from DNS, or not be believed: %w", subject.Name, err)
	}
	if found.bad > 0 {
		r.log.Warn("TXT records are passed over that begin with v=ate1 and are not good", "name", where, "records", found.bad, "first", found.problem)
	}
	answer := found.answer(subject)
	answer.TTL = r.config.ttl
	return answer, nil
}
