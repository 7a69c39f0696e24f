package plugin

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/plugin/pluginpb"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/trust"
)

// hangUpTime is how long a plugin that has been shut down waits for its host
// to close the connection.
const hangUpTime = time.Second

// Serve serves p to the daemon that started this process, and returns when the
// process should end. It is the one call in a plugin's main function. In a
// process that no daemon started it says so and exits with status 2.
func Serve(p Plugin) {
	if os.Getenv(Handshake.MagicCookieKey) != Handshake.MagicCookieValue {
		fmt.Fprintf(os.Stderr, "%s is a plugin of atedb, which starts it by itself; name it in atedb's configuration and run atedb\n", filepath.Base(os.Args[0]))
		os.Exit(2)
	}
	log := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, JSONFormat: true, Level: hclog.Info})
	if err := p.check(); err != nil {
		log.Error("the plugin's program is wrong", "error", err)
		os.Exit(2)
	}
	if err := guardStdout(); err != nil {
		log.Error("redirecting standard output", "error", err)
		os.Exit(1)
	}
	ignoreSignals()
	go exitWithParent(os.Getppid(), log)
	s := &server{plugin: p, log: log}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: Handshake,
		Plugins:         goplugin.PluginSet{pluginName: grpcPlugin{register: s.register}},
		GRPCServer:      s.newGRPC,
		Logger:          log,
	})
	s.stopSockets()
}

// check finds what only the plugin's author can mend, and fills in a missing
// Lifecycle.
func (p *Plugin) check() error {
	if p.Name == "" {
		return fmt.Errorf("Plugin.Name is empty")
	}
	if len(p.contracts()) == 0 {
		return fmt.Errorf("Plugin has none of Storage, Auth, Trust and Compaction")
	}
	if p.Lifecycle == nil {
		p.Lifecycle = noConfig{}
	}
	return nil
}

// server is the gRPC server of a plugin's process.
type server struct {
	plugin Plugin
	log    hclog.Logger

	lifecycle   *lifecycle
	grpc        *grpc.Server
	stopping    sync.Once
	stopStorage func()
}

func (s *server) newGRPC(opts []grpc.ServerOption) *grpc.Server {
	s.lifecycle = &lifecycle{plugin: s.plugin, log: s.log, stop: s.stop}
	opts = append(opts, serverOptions()...)
	opts = append(opts, grpc.UnaryInterceptor(s.lifecycle.gateUnary), grpc.StreamInterceptor(s.lifecycle.gateStream))
	s.grpc = grpc.NewServer(opts...)
	return s.grpc
}

func (s *server) register(reg *grpc.Server) error {
	pluginpb.RegisterLifecycleServer(reg, s.lifecycle)
	if s.plugin.Auth != nil {
		auth.RegisterServer(reg, s.plugin.Auth)
	}
	if s.plugin.Trust != nil {
		trust.RegisterServer(reg, s.plugin.Trust)
	}
	if s.plugin.Compaction != nil {
		compaction.RegisterServer(reg, s.plugin.Compaction)
	}
	if s.plugin.Storage == nil {
		return nil
	}
	var err error
	s.stopStorage, err = storage.RegisterServer(reg, s.plugin.Storage, os.Getenv(goplugin.EnvUnixSocketDir))
	return err
}

// stop ends the server once the calls under way are answered and the host has
// hung up, but soon in any case. It does not wait for that.
func (s *server) stop() {
	s.stopping.Do(func() {
		go func() {
			late := time.AfterFunc(hangUpTime, s.grpc.Stop)
			defer late.Stop()
			s.grpc.GracefulStop()
		}()
	})
}

func (s *server) stopSockets() {
	if s.stopStorage != nil {
		s.stopStorage()
	}
}

// ignoreSignals leaves the signals that a terminal or a service manager sends
// to every process of a service to the daemon.
func ignoreSignals() {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
}

// parentCheck is how often a plugin looks whether its host lives.
const parentCheck = 250 * time.Millisecond

// exitWithParent ends the process when its parent, now parent, has died. On
// Linux the host also asks the kernel to see to it.
func exitWithParent(parent int, log hclog.Logger) {
	for range time.Tick(parentCheck) {
		if os.Getppid() != parent {
			log.Error("the daemon is gone; ending")
			os.Exit(1)
		}
	}
}
