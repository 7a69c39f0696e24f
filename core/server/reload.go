package server

import (
	"context"
	"crypto/tls"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/certificate"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/core/grace"
	"github.com/atedb/atedb/core/pluginhost"
	"github.com/atedb/atedb/sdk/fault"
)

// replaceableSettings are those that hold from a reload on, and all that are in
// their blocks. The others need a restart.
var replaceableSettings = []string{
	"no_auth", "auth", "auth_rule", "trust", "compaction", "may_end_live",
	"plugin.auth", "plugin.trust", "plugin.compaction", "tls", "log.level",
}

// retireTime is how long a plugin that was replaced has to answer what it was asked
// before. A compaction that takes longer is given up, and tried again with the new
// ones.
const retireTime = time.Minute

// hangUp reloads, and logs what came of it.
func (c *current) hangUp(ctx context.Context) {
	if _, err := c.reload(ctx); err != nil {
		c.log.Error("the configuration was not reloaded; everything goes on as before", "error", err)
	}
}

// reload reads the configuration again and has everything work by what changed:
// plugins that are new, or that have other settings or another program, are
// started beside the old ones, which end when they have answered what they were
// asked. Connections and open chains do not notice. After an error, everything is
// as before.
//
// What it cannot change is left as it is and told.
func (c *current) reload(ctx context.Context) (control.Reloaded, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cfg, err := c.load()
	if err != nil {
		return control.Reloaded{}, err
	}
	shown, err := c.nextCertificate(cfg)
	if err != nil {
		return control.Reloaded{}, err
	}
	next, err := c.nextPlugins(ctx, cfg)
	if err != nil {
		return control.Reloaded{}, err
	}
	told := control.Reloaded{Started: idsOf(next.without(c.plugins)), Stopped: idsOf(c.plugins.without(next)), Restart: c.needRestart(cfg)}
	told.Changed = slices.DeleteFunc(c.config.Changes(cfg), func(key string) bool { return needsRestart(key) || slices.Contains(told.Restart, key) })
	if next.storage.IsOutdated() {
		told.Restart = append(told.Restart, idsOf(next.of(config.KindStorage))...)
	}
	c.certificate.Store(shown)
	c.setLevel(cfg)
	c.replacePlugins(cfg, next)
	c.config = cfg
	c.log.Info("configuration reloaded", "changed", told.Changed, "started", told.Started, "stopped", told.Stopped)
	if len(told.Restart) > 0 {
		c.log.Warn("this has changed and needs a restart", "what", told.Restart)
	}
	return told, nil
}

// nextCertificate reads the certificate again, of which there was one at the start
// if there is now.
func (c *current) nextCertificate(cfg *config.Config) (*tls.Certificate, error) {
	if c.certificate.Load() == nil || cfg.TLS.Certificate == "" {
		return c.certificate.Load(), nil
	}
	return certificate.Load(cfg.TLS.Certificate, cfg.TLS.Key)
}

// nextPlugins starts those that are not running.
func (c *current) nextPlugins(ctx context.Context, cfg *config.Config) (*plugins, error) {
	next, err := startPlugins(ctx, c.host, cfg, c.plugins)
	if err != nil {
		return nil, err
	}
	if was, is := c.plugins.mode(), next.mode(); was != is {
		next.stopBut(ctx, c.plugins)
		return nil, fault.New(fault.BadConfig, "trust %q has mode %s, and this server has chains of mode %s open; another mode needs a restart", cfg.Trust.Name, is, was)
	}
	return next, nil
}

func needsRestart(key string) bool {
	return !slices.ContainsFunc(replaceableSettings, func(setting string) bool {
		return key == setting || strings.HasPrefix(key, setting+".")
	})
}

// needRestart returns what differs from what the server was started with and can
// not be changed now.
func (c *current) needRestart(cfg *config.Config) []string {
	offered := c.certificate.Load() != nil
	return slices.DeleteFunc(c.began.Changes(cfg), func(key string) bool {
		isTLS := strings.HasPrefix(key, "tls.")
		return !needsRestart(key) && !(isTLS && offered != (cfg.TLS.Certificate != ""))
	})
}

func (c *current) setLevel(cfg *config.Config) {
	if level := hclog.LevelFromString(cfg.Log.Level); level != c.log.GetLevel() {
		c.log.SetLevel(level)
		c.host.SetLogLevel(level)
	}
}

// replacePlugins has everybody use other plugins from now on, and those that are
// not among them end behind their last users. What did not change keeps what it
// has learned.
func (c *current) replacePlugins(cfg *config.Config, next *plugins) {
	former := c.plugins
	var unused []func()
	if cfg.AuthRule != c.config.AuthRule || !slices.Equal(former.of(config.KindAuth), next.of(config.KindAuth)) {
		unused = append(unused,
			c.owners.replace(&owners{resolvers: next.auth, rule: cfg.AuthRule}),
			c.tokens.replace(newTokens(next, c.log)))
	}
	unused = append(unused, c.validator.replace(next.trust), c.compactor.strategies.replace(next.votes))
	c.compactor.scheduler.SetRules(next.votes.rules)
	c.registry.rulesChanged()
	c.plugins = next
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), retireTime)
		defer cancel()
		grace.Wait(ctx, func() {
			for _, wait := range unused {
				wait()
			}
		})
		former.stopBut(context.Background(), next)
	}()
}

func idsOf(plugins []*pluginhost.Plugin) []string {
	var ids []string
	for _, p := range plugins {
		spec := p.Spec()
		ids = append(ids, spec.ID())
	}
	return ids
}
