package server

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/pluginhost"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/trust"
)

// newHost returns what runs the plugins of a daemon with these settings.
func newHost(cfg *config.Config, log hclog.Logger) (*pluginhost.Host, error) {
	return pluginhost.New(pluginhost.Config{
		Dirs: cfg.PluginDirs, RequireChecksums: cfg.RequireChecksums, RuntimeDir: cfg.RuntimeDir,
		DataDir: cfg.LogsPath, DNS: plugin.DNS{Server: cfg.DNSServer, Secure: cfg.DNSSec, Anchors: cfg.DNSAnchors}, Logger: log, Level: log.GetLevel(),
		Timing: pluginhost.Timing{Patience: cfg.Limits.StrategyPatience},
	})
}

// plugins are the plugins that a daemon works with, as its configuration names
// them. They do not change; when the configuration does there are others, some of
// whose processes are the same.
type plugins struct {
	running []*pluginhost.Plugin
	storage *pluginhost.Plugin
	auth    []namedResolver
	trust   trust.Validator
	rules   trust.Rules
	votes   strategies
}

// strategies are the compaction strategies, and when they want chains compacted,
// in the same order.
type strategies struct {
	list  []chain.Strategy
	rules []compaction.Rules
}

// startPlugins starts what the config names, but for what runs already: plugins of
// before that are the same serve on. After an error those that it started are
// stopped.
func startPlugins(ctx context.Context, host *pluginhost.Host, cfg *config.Config, before *plugins) (*plugins, error) {
	p := &plugins{}
	if err := p.addAll(ctx, host, cfg, before); err != nil {
		p.stopBut(ctx, before)
		return nil, err
	}
	return p, nil
}

func (p *plugins) addAll(ctx context.Context, host *pluginhost.Host, cfg *config.Config, before *plugins) error {
	for _, spec := range cfg.PluginSpecs() {
		if err := p.add(ctx, host, pluginhost.Spec(spec), cfg.MayEndLive, before); err != nil {
			return err
		}
	}
	if len(cfg.MayEndLive) > 0 && p.mode() == event.Distributed {
		return fault.New(fault.BadConfig, "may_end_live names %s, and with trust %q a server cannot end objects: only who may write them can; remove it", strings.Join(cfg.MayEndLive, ", "), cfg.Trust.Name)
	}
	return nil
}

func (p *plugins) add(ctx context.Context, host *pluginhost.Host, spec pluginhost.Spec, mayEndLive []string, before *plugins) error {
	running := before.find(spec)
	if running == nil {
		var err error
		if running, err = host.Start(ctx, spec); err != nil {
			return err
		}
	}
	p.running = append(p.running, running)
	switch spec.Kind {
	case config.KindStorage:
		p.storage = running
	case config.KindAuth:
		p.auth = append(p.auth, namedResolver{spec.Name, running.Auth()})
	case config.KindTrust:
		p.trust = running.Trust()
		var err error
		p.rules, err = p.trust.Rules(ctx)
		return err
	case config.KindCompaction:
		strategy := running.Compaction()
		rules, err := strategy.Rules(ctx)
		if err != nil {
			return err
		}
		p.votes.list = append(p.votes.list, chain.Strategy{Name: spec.Name, Strategy: strategy, EndsLive: slices.Contains(mayEndLive, spec.Name)})
		p.votes.rules = append(p.votes.rules, rules)
	}
	return nil
}

// find returns the plugin that another one of this spec would be no different
// from, or nil. Storage is always the same: it cannot be replaced.
func (p *plugins) find(spec pluginhost.Spec) *pluginhost.Plugin {
	if p == nil {
		return nil
	}
	if spec.Kind == config.KindStorage {
		return p.storage
	}
	for _, running := range p.running {
		if isSame(running.Spec(), spec) && !running.IsOutdated() {
			return running
		}
	}
	return nil
}

func isSame(a, b pluginhost.Spec) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.Path == b.Path && a.SHA256 == b.SHA256 && bytes.Equal(a.Config, b.Config)
}

// without returns the plugins that are not among others, which may be nil.
func (p *plugins) without(others *plugins) []*pluginhost.Plugin {
	return slices.DeleteFunc(slices.Clone(p.running), func(running *pluginhost.Plugin) bool {
		return others != nil && slices.Contains(others.running, running)
	})
}

// of returns the plugins of a kind, in order.
func (p *plugins) of(kind string) []*pluginhost.Plugin {
	return slices.DeleteFunc(slices.Clone(p.running), func(running *pluginhost.Plugin) bool { return running.Spec().Kind != kind })
}

// stopBut stops the plugins that are not among others.
func (p *plugins) stopBut(ctx context.Context, others *plugins) {
	for _, running := range p.without(others) {
		running.Close(ctx)
	}
}

// mode is the mode of trust that the trust plugin serves.
func (p *plugins) mode() event.Trust {
	if p.rules.PerBatch {
		return event.Distributed
	}
	return event.Centralized
}

// wireEncryption is the operator's choice, or else what goes with the trust.
func (p *plugins) wireEncryption(cfg *config.Config) int {
	if cfg.Origin("wire_encryption").Layer == config.FromDefault {
		return p.rules.DefaultWireEncryption
	}
	return int(cfg.WireEncryption)
}

func stopHost(host *pluginhost.Host, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return host.Close(ctx)
}
