package server

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/pluginhost"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/trust"
)

// plugins are the plugin processes of a running daemon.
type plugins struct {
	host    *pluginhost.Host
	storage *pluginhost.Plugin
	auth    []namedResolver
	rules   trust.Rules
}

// startPlugins starts what the config names. If one cannot be started, those
// that were are stopped.
func startPlugins(ctx context.Context, cfg *config.Config, log hclog.Logger) (*plugins, error) {
	host, err := pluginhost.New(pluginhost.Config{
		Dirs: cfg.PluginDirs, RequireChecksums: cfg.RequireChecksums, RuntimeDir: cfg.RuntimeDir,
		DataDir: cfg.LogsPath, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	p := &plugins{host: host}
	if err := p.start(ctx, cfg); err != nil {
		return nil, errors.Join(err, p.stop(cfg.Limits.ShutdownTimeout))
	}
	return p, nil
}

func (p *plugins) start(ctx context.Context, cfg *config.Config) (err error) {
	if p.storage, err = p.host.Start(ctx, Spec(cfg, "storage", cfg.Storage)); err != nil {
		return err
	}
	validator, err := p.host.Start(ctx, Spec(cfg, "trust", cfg.Trust))
	if err != nil {
		return err
	}
	if p.rules, err = validator.Trust().Rules(ctx); err != nil {
		return err
	}
	if p.rules.PerBatch {
		return fault.New(fault.Unsupported, "trust plugin %q wants every batch validated, which is not built yet in this version; use trust \"centralized\"", cfg.Trust.Name)
	}
	for _, block := range cfg.Compaction {
		if _, err := p.host.Start(ctx, Spec(cfg, "compaction", block)); err != nil {
			return err
		}
	}
	if !p.rules.UsesAuth {
		return nil
	}
	for _, block := range cfg.Auth {
		resolver, err := p.host.Start(ctx, Spec(cfg, "auth", block))
		if err != nil {
			return err
		}
		p.auth = append(p.auth, namedResolver{block.Name, resolver.Auth()})
	}
	return nil
}

func (p *plugins) stop(timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return p.host.Close(ctx)
}

// Spec returns which program serves a block of the config, and how.
func Spec(cfg *config.Config, kind string, block config.Block) pluginhost.Spec {
	spec := pluginhost.Spec{Kind: kind, Name: block.Name, Config: block.Config}
	for _, p := range cfg.Plugins {
		if p.Kind == kind && p.Name == block.Name {
			spec.Path, spec.SHA256 = p.Path, p.SHA256
		}
	}
	return spec
}
