package https

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/plugins/auth/internal/scope"
	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/dns"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// maxCA is the largest file of certificates, in bytes.
const maxCA = 1 << 20

// Resolver is the plugin. Make one with New.
type Resolver struct {
	config  config   // set by Configure, before any question
	fetcher *fetcher // the same, as what follows
	dialer  *dialer
}

var (
	_ auth.Resolver       = (*Resolver)(nil)
	_ plugin.Configurable = (*Resolver)(nil)
)

// New returns the plugin. It denies everything until Configure has told it more.
func New() *Resolver { return &Resolver{} }

// Validate implements plugin.Configurable. It reads the file of certificates.
func (r *Resolver) Validate(text []byte) error {
	c, err := parseConfig(text)
	if err == nil {
		_, err = c.authorities()
	}
	return err
}

// Configure implements plugin.Configurable.
func (r *Resolver) Configure(_ context.Context, s plugin.Setup) error {
	c, err := parseConfig(s.Config)
	if err != nil {
		return err
	}
	authorities, err := c.authorities()
	if err != nil {
		return err
	}
	names, err := dns.New(dns.Config(s.DNS))
	if err != nil {
		return err
	}
	if s.Logger != nil {
		c.warn(s.Logger)
	}
	r.config = c
	r.dialer = &dialer{lookup: names, allowPrivate: c.allowPrivate, timeout: c.timeout + slack}
	r.fetcher = newFetcher(&c, authorities, r.dialer)
	return nil
}

// warn says what of the configuration is less than it could be.
func (c *config) warn(log hclog.Logger) {
	if len(c.sshKeys) > 0 {
		log.Warn("owners with SSH keys are accepted, which are not quantum-resistant", "domains", len(c.sshKeys))
	}
	if c.allowPrivate {
		log.Warn("addresses that are not public are connected to; whoever has a listed domain chooses to which")
	}
}

// authorities returns who may vouch for a domain, nil for whom the system
// trusts.
func (c *config) authorities() (*x509.CertPool, error) {
	if c.ca == "" {
		return nil, nil
	}
	info, err := os.Stat(c.ca)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxCA) {
		return nil, fault.New(fault.BadConfig, "ca: %s is not a file of at most %d bytes", c.ca, maxCA)
	}
	pem, err := os.ReadFile(c.ca)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.BadConfig, "ca: %s holds no certificate in PEM", c.ca)
	}
	return pool, nil
}

// Resolve implements auth.Resolver.
func (r *Resolver) Resolve(ctx context.Context, q auth.Query) (auth.Answer, error) {
	subject, reason := r.config.scope.Subject(q.Chain)
	if reason != "" {
		return auth.Answer{Denied: reason, TTL: r.config.ttl}, nil
	}
	answer, err := r.ask(ctx, subject)
	if fault.Is(err, fault.Denied) || fault.Is(err, fault.NotFound) {
		answer, err = auth.Answer{Denied: fmt.Sprintf("%s may not have chains on this server: %s", subject.Name, fault.From(err).Reason)}, nil
	}
	if err != nil {
		return auth.Answer{}, fault.New(fault.Unavailable, "the keys of %s cannot be had: %w", subject.Name, err)
	}
	answer.TTL = r.config.ttl
	return answer, nil
}

// ask fetches the subject's keys and grants to them. Its errors are those of a
// fetcher.
func (r *Resolver) ask(ctx context.Context, s scope.Subject) (auth.Answer, error) {
	if text, ok := r.config.sshKeys[s.Domain]; ok {
		return r.askSSH(ctx, s, text)
	}
	from := &url.URL{Scheme: "https", Host: s.Domain, Path: wellKnown}
	text, err := r.fetcher.fetch(ctx, from)
	if err != nil {
		return auth.Answer{}, err
	}
	d, err := parseDocument(text)
	var future versionError
	switch {
	case errors.As(err, &future):
		return auth.Answer{}, fault.New(fault.Denied, "the key document of %s cannot be used: %w", s.Domain, err)
	case err != nil:
		return auth.Answer{}, fault.New(fault.Unavailable, "the key document of %s cannot be used: %w", s.Domain, err)
	}
	texts, ok := d.users[s.Name]
	if s.Group {
		texts, ok = d.groups[s.Name]
	}
	if !ok {
		return auth.Answer{}, fault.New(fault.Denied, "the key document of %s does not list %s", s.Domain, s)
	}
	set, err := parseKeys(texts)
	if err != nil {
		return auth.Answer{}, fault.New(fault.Denied, "in the key document of %s, %w", s.Domain, err)
	}
	return set.grant(), nil
}

func (r *Resolver) askSSH(ctx context.Context, s scope.Subject, template string) (auth.Answer, error) {
	from, err := sshURL(template, s.Name)
	if err != nil {
		return auth.Answer{}, err
	}
	text, err := r.fetcher.fetch(ctx, from)
	if err != nil {
		return auth.Answer{}, err
	}
	set, err := parseSSHKeys(text)
	switch {
	case err != nil:
		return auth.Answer{}, fault.New(fault.Denied, "of the SSH keys at %s, %w", from, err)
	case len(set.keys) == 0:
		return auth.Answer{}, fault.New(fault.Denied, "%s has no ssh-ed25519 key; add one there, as ssh-keygen -t ed25519 makes it", from)
	}
	return set.grant(), nil
}
