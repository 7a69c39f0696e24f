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
		DataDir: cfg.LogsPath, Logger: log, Level: log.GetLevel(),
	})
	if err != nil {
		return nil, err
	}
	p := &plugins{host: host}
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
		if p.rules, err = started.Trust().Rules(ctx); err != nil {
			return err
		}
		if p.rules.PerBatch {
			return fault.New(fault.Unsupported, "the trust plugin %q wants every batch validated, which is not built yet in this version; use trust \"centralized\"", spec.Name)
		}
	}
	return nil
}

func (p *plugins) stop(timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return p.host.Close(ctx)
}
