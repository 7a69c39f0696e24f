// Package server wires the daemon together: the plugins, the chains and the
// connections. Nothing else sees all of them.
package server

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/certificate"
	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/core/durable"
	"github.com/atedb/atedb/core/farewell"
	"github.com/atedb/atedb/core/grace"
	"github.com/atedb/atedb/core/pluginhost"
	"github.com/atedb/atedb/core/session"
	"github.com/atedb/atedb/core/transport"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

var errStopping = fault.New(fault.ShuttingDown, "the server is stopping; connect again in a while")

// Options is what a server runs with.
type Options struct {
	Config *config.Config
	// Reload loads the configuration anew, from where Config is. It is called by
	// one goroutine at a time.
	Reload func() (*config.Config, error)
	// Hangups has that done whenever something comes.
	Hangups <-chan os.Signal
	Logger  hclog.Logger
}

// Run serves until ctx ends, then stops in an orderly way: it takes no more
// connections and commits, answers the commits under way, ends the sessions,
// and stops the plugins, storage last. That takes at most the config's
// shutdown timeout. It returns nil after an orderly stop.
func Run(ctx context.Context, o Options) (err error) {
	cfg, log := o.Config, o.Logger
	host, err := newHost(cfg, log)
	if err != nil {
		return err
	}
	s, err := newServer(ctx, o, host)
	if err != nil {
		return errors.Join(err, stopHost(host, cfg.Limits.ShutdownTimeout))
	}
	accepting := make(chan error, 1)
	go func() { accepting <- s.listener.Serve() }()
	log.Info("serving", "listen", s.listener.Addr().String(), "logs_path", cfg.LogsPath, "version", plugin.BuildVersion(),
		"trust", s.registry.trust.String(), "wire_encryption", s.accept.Encryption, "fingerprint", s.registry.identity.Public().Fingerprint().String())
	for {
		select {
		case <-o.Hangups:
			s.current.hangUp(ctx)
			continue
		case err = <-accepting:
		case <-ctx.Done():
			log.Info("stopping", "timeout", cfg.Limits.ShutdownTimeout.String())
		}
		return errors.Join(err, s.stop(host, cfg.Limits.ShutdownTimeout))
	}
}

// newServer starts the plugins and opens the ports. After an error the ports are
// closed.
func newServer(ctx context.Context, o Options, host *pluginhost.Host) (*server, error) {
	cfg, log := o.Config, o.Logger
	plugins, err := startPlugins(ctx, host, cfg, nil)
	if err != nil {
		return nil, err
	}
	self, err := identity.LoadOrCreate(filepath.Join(cfg.LogsPath, stateFolder))
	if err != nil {
		return nil, err
	}
	shown, err := certificate.Load(cfg.TLS.Certificate, cfg.TLS.Key)
	if err != nil {
		return nil, err
	}
	now := newCurrent(o, host, plugins, shown)
	s := &server{
		log:              log,
		handshakeTimeout: cfg.Limits.HandshakeTimeout,
		accept: wire.AcceptOptions{
			Agent: "atedb/" + plugin.BuildVersion(), Encryption: plugins.wireEncryption(cfg), Identity: self,
		},
		store: durable.NewStore(plugins.storage), current: now,
	}
	s.registry = &registry{
		store: s.store, owners: now.owners, trust: plugins.mode(), validator: now.validator, identity: self,
		idleTimeout: cfg.Limits.IdleChainTimeout, maxOpen: cfg.Limits.MaxOpenChains,
		compactor: now.compactor, log: log.Named("chains"), chains: make(map[chainname.Name]*openChain),
	}
	now.registry = s.registry
	s.sessions, s.endSessions = context.WithCancelCause(context.Background())
	s.listener, err = transport.Listen(transport.Config{
		Address: cfg.Listen, TLS: certificate.Config(&now.certificate), Path: transport.ChainPath,
		MaxConnections: cfg.Limits.MaxConnections, MaxPerAddress: cfg.Limits.MaxConnectionsPerAddress,
		Logger: log.Named("transport"), Handler: s.handle,
	})
	if err != nil {
		return nil, err
	}
	if s.control, err = control.Start(ControlSocket(cfg), controlled{s.registry, now}, log.Named("control")); err != nil {
		s.listener.Close()
		return nil, err
	}
	return s, nil
}

// stateFolder is the folder of the daemon's own in that of the chains.
const stateFolder = "server"

// server is what a connection's handler needs.
type server struct {
	log              hclog.Logger
	handshakeTimeout time.Duration
	accept           wire.AcceptOptions
	store            *durable.Store
	registry         *registry
	current          *current
	listener         *transport.Listener
	control          *control.Server
	lastSession      atomic.Uint64

	sessions    context.Context // ends, with a cause, when sessions have to
	endSessions context.CancelCauseFunc
}

// pluginShare is the part of the time for stopping that is kept for the
// plugins.
const pluginShare = 4

func (s *server) stop(host *pluginhost.Host, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout-timeout/pluginShare)
	defer cancel()
	s.listener.Close()
	s.endSessions(errStopping)
	var ending sync.WaitGroup
	for _, end := range []func(){s.listener.Wait, s.control.Close, s.registry.compactor.scheduler.Close} {
		ending.Go(end)
	}
	var err error
	if grace.Wait(ctx, ending.Wait) {
		err = s.registry.stop(ctx)
	} else {
		err = fault.New(fault.Unavailable, "some sessions, operators' commands or compactions did not end in time")
	}
	s.store.Close()
	err = errors.Join(err, stopHost(host, timeout/pluginShare))
	if err == nil {
		s.log.Info("stopped")
	}
	return err
}

// handle serves one connection: it greets the client, opens the chain and runs
// the session.
func (s *server) handle(nc net.Conn, pathName string) {
	started := time.Now()
	log := s.log.With("from", nc.RemoteAddr().String())
	options := s.accept
	options.Deadline = started.Add(s.handshakeTimeout)
	conn, greeting, err := wire.Accept(nc, options)
	var open *wirepb.Open
	var c *openChain
	if err == nil {
		open, c, err = s.open(conn, pathName)
	}
	if err != nil {
		if !stream.IsClosed(err) {
			log.Info("connection refused", "error", err)
		}
		farewell.Refuse(conn, err)
		return
	}
	defer s.registry.release(c)
	id := chain.SessionID(s.lastSession.Add(1))
	log = log.With("session", uint64(id), "chain", c.name.String())
	log.Debug("session begins", "agent", greeting.Agent, "wire_encryption", greeting.Server.Encryption)

	ctx, cancel := context.WithCancelCause(s.sessions)
	stop := context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })
	err = session.New(session.Options{
		ID: id, Conn: conn, Chain: c.chain, Feed: c.feed, KnownSize: open.KnownSize,
		Verifier: s.registry.validator, Binding: greeting.Binding, Tokens: s.current.tokens,
		Checkpoint: c.signer.Checkpoint,
	}).Run(ctx)
	stop()
	cancel(nil)
	switch fault.CodeOf(err) {
	case "", fault.ShuttingDown:
		log.Debug("session ends", "after", time.Since(started).Round(time.Millisecond).String())
	default:
		log.Info("session ends", "after", time.Since(started).Round(time.Millisecond).String(), "error", err)
	}
}

// open receives Open and opens the chain that it names.
func (s *server) open(conn *wire.Conn, pathName string) (*wirepb.Open, *openChain, error) {
	conn.SetLimit(wire.MaxOpen)
	open, err := receiveOpen(conn)
	if err != nil {
		return nil, nil, err
	}
	name, err := chainname.Parse(open.Name)
	if err != nil {
		return nil, nil, err
	}
	if pathName != "" && pathName != open.Name {
		return nil, nil, fault.New(fault.BadName, "the URL names chain %q and Open names chain %q", pathName, name)
	}
	conn.SetReadDeadline(time.Time{})
	ctx, cancel := context.WithTimeout(s.sessions, openTimeout)
	defer cancel()
	c, err := s.registry.acquire(ctx, name, wish{create: open.Create, rootKeys: open.RootKeys})
	if err != nil {
		return nil, nil, err
	}
	conn.SetLimit(wire.MaxMessage)
	return open, c, nil
}

// openTimeout is how long a client waits for its chain to be opened before it
// is told to come again.
const openTimeout = 2 * time.Minute

func receiveOpen(conn *wire.Conn) (*wirepb.Open, error) {
	t, payload, err := conn.Receive()
	if err != nil {
		return nil, err
	}
	if t != wire.Open {
		return nil, fault.New(fault.BadMessage, "the second message has type %d; it must be Open, type %d", t, wire.Open)
	}
	open := new(wirepb.Open)
	return open, stream.Unmarshal(t, payload, open)
}
