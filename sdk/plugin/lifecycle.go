package plugin

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/fault/faultrpc"
	"github.com/atedb/atedb/sdk/plugin/pluginpb"
)

// lifecycle serves ate.plugin.v1.Lifecycle and keeps the order of calls.
type lifecycle struct {
	pluginpb.UnimplementedLifecycleServer
	plugin Plugin
	log    hclog.Logger
	stop   func() // ends the process, after the answer under way

	configuring atomic.Bool // Configure has been called
	configured  atomic.Bool // and has succeeded
	stopping    atomic.Bool // Shutdown has been called
}

func (l *lifecycle) Info(context.Context, *pluginpb.InfoRequest) (*pluginpb.InfoReply, error) {
	reply := &pluginpb.InfoReply{Name: l.plugin.Name, Version: l.plugin.Version}
	for kind, version := range l.plugin.contracts() {
		reply.Contracts = append(reply.Contracts, &pluginpb.Contract{Kind: kind, Version: version})
	}
	return reply, nil
}

func (l *lifecycle) Validate(_ context.Context, req *pluginpb.ValidateRequest) (*pluginpb.ValidateReply, error) {
	return &pluginpb.ValidateReply{}, faultrpc.ToStatus(l.plugin.Lifecycle.Validate(req.Config))
}

func (l *lifecycle) Configure(ctx context.Context, req *pluginpb.ConfigureRequest) (*pluginpb.ConfigureReply, error) {
	if !l.configuring.CompareAndSwap(false, true) {
		return nil, faultrpc.ToStatus(fault.New(fault.BadRequest, "the plugin %q was configured twice; start a new process for a new configuration", l.plugin.Name))
	}
	err := l.plugin.Lifecycle.Configure(ctx, Setup{
		Config: req.Config, DataDir: req.DataDir, Logger: l.log,
		DNS: DNS{Server: req.GetDns().GetServer(), Secure: req.GetDns().GetSecure(), Anchors: req.GetDns().GetAnchors()},
	})
	if err != nil {
		return nil, faultrpc.ToStatus(err)
	}
	l.configured.Store(true)
	return &pluginpb.ConfigureReply{}, nil
}

func (l *lifecycle) Health(ctx context.Context, _ *pluginpb.HealthRequest) (*pluginpb.HealthReply, error) {
	checker, ok := l.plugin.Lifecycle.(HealthChecker)
	if !ok || !l.configured.Load() {
		return &pluginpb.HealthReply{}, nil
	}
	if err := checker.Health(ctx); err != nil {
		return &pluginpb.HealthReply{Problem: fault.From(err).Reason}, nil
	}
	return &pluginpb.HealthReply{}, nil
}

func (l *lifecycle) SetLogLevel(_ context.Context, req *pluginpb.SetLogLevelRequest) (*pluginpb.SetLogLevelReply, error) {
	level := hclog.LevelFromString(req.Level)
	if level == hclog.NoLevel {
		return nil, faultrpc.ToStatus(fault.New(fault.BadRequest, "%q is not a log level; use trace, debug, info, warn or error", req.Level))
	}
	l.log.SetLevel(level)
	return &pluginpb.SetLogLevelReply{}, nil
}

func (l *lifecycle) Shutdown(ctx context.Context, _ *pluginpb.ShutdownRequest) (*pluginpb.ShutdownReply, error) {
	defer l.stop()
	l.stopping.Store(true)
	if stopper, ok := l.plugin.Lifecycle.(Stopper); ok && l.configured.Load() {
		return &pluginpb.ShutdownReply{}, faultrpc.ToStatus(stopper.Shutdown(ctx))
	}
	return &pluginpb.ShutdownReply{}, nil
}

// gate refuses calls of a contract before Configure and after Shutdown.
func (l *lifecycle) gate(method string) error {
	switch {
	case !strings.HasPrefix(method, "/ate.") || strings.HasPrefix(method, "/ate.plugin."):
		return nil
	case l.stopping.Load():
		return faultrpc.ToStatus(fault.New(fault.ShuttingDown, "%s was called after the plugin %q was shut down", method, l.plugin.Name))
	case l.configured.Load():
		return nil
	}
	return faultrpc.ToStatus(fault.New(fault.BadRequest, "%s was called before the plugin %q was configured", method, l.plugin.Name))
}

func (l *lifecycle) gateUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if err := l.gate(info.FullMethod); err != nil {
		return nil, err
	}
	return next(ctx, req)
}

func (l *lifecycle) gateStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if err := l.gate(info.FullMethod); err != nil {
		return err
	}
	return next(srv, stream)
}
