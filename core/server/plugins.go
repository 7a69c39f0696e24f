package server

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/pluginhost"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/trust"
)

// plugins are the plugin processes of a running daemon.
type plugins struct {
	host    *pluginhost.Host
	storage *pluginhost.Plugin
	auth    []namedResolver
	trust   trust.Validator
	rules   trust.Rules

	mayEndLive  []string
	strategies  []chain.Strategy
	compactions []compaction.Rules // when they want chains compacted
}

// startPlugins starts what the config names. If one cannot be started, those
// that were are stopped.
func startPlugins(ctx context.Context, cfg *config.Config, log hclog.Logger) (*plugins, error) {
	host, err := pluginhost.New(pluginhost.Config{
		Dirs: cfg.PluginDirs, RequireChecksums: cfg.RequireChecksums, RuntimeDir: cfg.RuntimeDir,
		DataDir: cfg.LogsPath, DNS: plugin.DNS{Server: cfg.DNSServer, Secure: cfg.DNSSec, Anchors: cfg.DNSAnchors}, Logger: log, Level: log.GetLevel(),
		Timing: pluginhost.Timing{Patience: cfg.Limits.StrategyPatience},
	})
	if err != nil {
		return nil, err
	}
	p := &plugins{host: host, mayEndLive: cfg.MayEndLive}
	for _, spec := range cfg.PluginSpecs() {
		if err := p.start(ctx, pluginhost.Spec(spec)); err != nil {
			return nil, errors.Join(err, p.stop(cfg.Limits.ShutdownTimeout))
		}
	}
	return p, nil
}

func (p *plugins) start(ctx context.Context, spec pluginhost.Spec) error {
	started, err := p.host.Start(ctx, spec)
	if err != nil {
		return err
	}
	switch spec.Kind {
	case config.KindStorage:
		p.storage = started
	case config.KindAuth:
		p.auth = append(p.auth, namedResolver{spec.Name, started.Auth()})
	case config.KindTrust:
		p.trust = started.Trust()
		if p.rules, err = p.trust.Rules(ctx); err != nil {
			return err
		}
	case config.KindCompaction:
		strategy := started.Compaction()
		rules, err := strategy.Rules(ctx)
		if err != nil {
			return err
		}
		p.strategies = append(p.strategies, chain.Strategy{Name: spec.Name, Strategy: strategy, EndsLive: slices.Contains(p.mayEndLive, spec.Name)})
		p.compactions = append(p.compactions, rules)
	}
	return nil
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

func (p *plugins) stop(timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return p.host.Close(ctx)
}
