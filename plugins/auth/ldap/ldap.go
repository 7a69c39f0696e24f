package ldap

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/dns"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// Resolver is the plugin. Make one with New.
type Resolver struct {
	ready atomic.Pointer[owners] // nil before Configure
}

var (
	_ auth.Resolver       = (*Resolver)(nil)
	_ plugin.Configurable = (*Resolver)(nil)
	_ plugin.Stopper      = (*Resolver)(nil)
)

// New returns the plugin. It cannot say anything until it is configured.
func New() *Resolver { return new(Resolver) }

// Validate implements plugin.Configurable. It reads the files that the
// configuration names, and does not connect.
func (r *Resolver) Validate(text []byte) error {
	c, err := parseConfig(text)
	if err != nil {
		return err
	}
	return c.server.checkFiles()
}

// Configure implements plugin.Configurable. The directory need not be there yet:
// chains that exist do without it.
func (r *Resolver) Configure(_ context.Context, s plugin.Setup) error {
	c, err := parseConfig(s.Config)
	if err != nil {
		return err
	}
	if err := c.server.checkFiles(); err != nil {
		return err
	}
	names, err := dns.New(dns.Config(s.DNS))
	if err != nil {
		return err
	}
	p := &pool{
		dialer:  dialer{server: c.server, timeout: c.timeout, connect: names.DialContext},
		timeout: c.timeout, log: s.Logger, now: time.Now,
	}
	if p.log == nil {
		p.log = hclog.NewNullLogger()
	}
	if c.server.security == plaintext && !isLoopback(c.server.host) {
		p.log.Warn("the password and who owns chains can be read and changed on the way to the directory", "url", c.server.url)
	}
	r.ready.Store(&owners{config: c, directory: newDirectory(p, c.timeout)})
	return nil
}

// Resolve implements auth.Resolver.
func (r *Resolver) Resolve(ctx context.Context, q auth.Query) (auth.Answer, error) {
	o := r.ready.Load()
	if o == nil {
		return auth.Answer{}, fault.New(fault.Unavailable, "the plugin has no configuration yet")
	}
	ctx, cancel := context.WithTimeout(ctx, o.config.timeout)
	defer cancel()
	find := o.user
	if q.Chain.IsGroup() {
		find = o.group
	}
	answer, err := find(ctx, q.Chain)
	if err != nil {
		return auth.Answer{}, err
	}
	answer.TTL = o.config.ttl
	return answer, nil
}

// Shutdown implements plugin.Stopper: it ends the connection.
func (r *Resolver) Shutdown(context.Context) error {
	if o := r.ready.Load(); o != nil {
		o.directory.pool.close()
	}
	return nil
}
