package authserver

import (
	"context"
	"errors"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/core/durable"
	"github.com/atedb/atedb/core/pluginhost"
	"github.com/atedb/atedb/sdk/plugin"
)

// storage is the plugins for storage and compaction, and what is open.
type storage struct {
	host      *pluginhost.Host
	store     *durable.Store
	log       *durable.Log
	compactor *compactor
}

func startStorage(ctx context.Context, cfg Config, log hclog.Logger) (*storage, error) {
	host, err := pluginhost.New(pluginhost.Config{
		Dirs: cfg.PluginDirs, RuntimeDir: cfg.RuntimeDir, DataDir: cfg.LogsPath, Logger: log, Level: log.GetLevel(),
	})
	if err != nil {
		return nil, err
	}
	s := &storage{host: host}
	started, err := host.Start(ctx, pluginhost.Spec{Kind: plugin.KindStorage, Name: cfg.Storage, Config: []byte("{}")})
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.store = durable.NewStore(started)
	strategy, err := host.Start(ctx, pluginhost.Spec{Kind: plugin.KindCompaction, Name: strategyName, Config: []byte("{}")})
	if err == nil {
		s.compactor, err = newCompactor(ctx, strategy.Compaction(), log.Named("compaction"))
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// open opens the accounts, or makes them.
func (s *storage) open(ctx context.Context, cfg Config, fail func(error), log hclog.Logger) (store *accounts.Store, err error) {
	if s.log, err = s.store.Open(ctx, accounts.ChainName, true); err != nil {
		return nil, err
	}
	store, err = accounts.Open(ctx, accounts.Options{
		Log: s.log, Identity: cfg.Identity, OnFail: fail, OnStored: s.compactor.grown,
		OnProblem: func(err error) { log.Warn("the accounts need attention", "error", err) },
	})
	if err == nil {
		s.compactor.begin(store.Chain(), func() uint64 { return s.log.State().Bytes })
	}
	return store, err
}

// stop closes what is open and stops the plugins.
func (s *storage) stop() error {
	var err error
	if s.log != nil {
		err = s.log.Close()
	}
	if s.store != nil {
		s.store.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout/pluginShare)
	defer cancel()
	return errors.Join(err, s.host.Close(ctx))
}
