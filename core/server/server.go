// Package server wires the daemon together: the plugins, the chains and the
// connections. Nothing else sees all of them.
package server

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/durable"
	"github.com/atedb/atedb/core/session"
	"github.com/atedb/atedb/core/transport"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

var errStopping = fault.New(fault.ShuttingDown, "the server is stopping; connect again in a while")

// Run serves until ctx ends, then stops in an orderly way: it takes no more
// connections and commits, answers the commits under way, ends the sessions,
// and stops the plugins, storage last. That takes at most the config's
// shutdown timeout. It returns nil after an orderly stop.
func Run(ctx context.Context, cfg *config.Config, log hclog.Logger) (err error) {
	plugins, err := startPlugins(ctx, cfg, log)
	if err != nil {
		return err
	}
	store := durable.NewStore(plugins.storage)
	s := &server{
		log:              log,
		handshakeTimeout: cfg.Limits.HandshakeTimeout,
		registry: &registry{
			store: store, owners: &owners{resolvers: plugins.auth}, trust: event.Centralized,
			idleTimeout: cfg.Limits.IdleChainTimeout, maxOpen: cfg.Limits.MaxOpenChains,
			log: log.Named("chains"), chains: make(map[chainname.Name]*openChain),
		},
	}
	s.sessions, s.endSessions = context.WithCancelCause(context.Background())
	listener, err := transport.Listen(transport.Config{
		Address:        cfg.Listen,
		MaxConnections: cfg.Limits.MaxConnections, MaxPerAddress: cfg.Limits.MaxConnectionsPerAddress,
		Logger: log.Named("transport"), Handler: s.handle,
	})
	if err != nil {
		return errors.Join(err, plugins.stop(cfg.Limits.ShutdownTimeout))
	}
	accepting := make(chan error, 1)
	go func() { accepting <- listener.Serve() }()
	log.Info("serving", "listen", listener.Addr().String(), "logs_path", cfg.LogsPath, "version", plugin.BuildVersion())

	select {
	case err = <-accepting:
	case <-ctx.Done():
		log.Info("stopping", "timeout", cfg.Limits.ShutdownTimeout)
	}
	return errors.Join(err, s.stop(listener, store, plugins, cfg.Limits.ShutdownTimeout))
}

// server is what a connection's handler needs.
type server struct {
	log              hclog.Logger
	handshakeTimeout time.Duration
	registry         *registry
	lastSession      atomic.Uint64

	sessions    context.Context // ends, with a cause, when sessions have to
	endSessions context.CancelCauseFunc
}

// pluginShare is the part of the time for stopping that is kept for the
// plugins.
const pluginShare = 4

func (s *server) stop(listener *transport.Listener, store *durable.Store, plugins *plugins, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout-timeout/pluginShare)
	defer cancel()
	listener.Close()
	s.endSessions(errStopping)
	ended := make(chan struct{})
	go func() {
		listener.Wait()
		close(ended)
	}()
	var err error
	select {
	case <-ended:
		err = s.registry.stop(ctx)
	case <-ctx.Done():
		err = fault.New(fault.Unavailable, "some sessions did not end in time")
	}
	store.Close()
	err = errors.Join(err, plugins.stop(timeout/pluginShare))
	if err == nil {
		s.log.Info("stopped")
	}
	return err
}

// handle serves one connection: it greets the client, opens the chain and runs
// the session.
func (s *server) handle(conn *wire.Conn, pathName string) {
	started := time.Now()
	agent, c, err := s.greet(conn, pathName)
	log := s.log.With("from", conn.RemoteAddr())
	if err != nil {
		if !stream.IsClosed(err) {
			log.Info("connection refused", "error", err)
		}
		session.Refuse(conn, err)
		return
	}
	defer s.registry.release(c)
	id := chain.SessionID(s.lastSession.Add(1))
	log = log.With("session", uint64(id), "chain", c.name.String())
	log.Debug("session begins", "agent", agent)

	ctx, cancel := context.WithCancelCause(s.sessions)
	stop := context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })
	err = session.New(id, conn, c.chain, c.feed).Run(ctx)
	stop()
	cancel(nil)
	switch fault.CodeOf(err) {
	case "", fault.ShuttingDown:
		log.Debug("session ends", "after", time.Since(started).Round(time.Millisecond))
	default:
		log.Info("session ends", "after", time.Since(started).Round(time.Millisecond), "error", err)
	}
}

// greet answers ClientHello and opens the chain that Open names.
func (s *server) greet(conn *wire.Conn, pathName string) (agent string, c *openChain, err error) {
	deadline := time.Now().Add(s.handshakeTimeout)
	conn.SetReadDeadline(deadline)
	hello, err := wire.AcceptHello(conn, "atedb/"+plugin.BuildVersion())
	if err != nil {
		return "", nil, err
	}
	open, err := receiveOpen(conn)
	if err != nil {
		return "", nil, err
	}
	name, err := chainname.Parse(open.Name)
	if err != nil {
		return "", nil, err
	}
	if pathName != "" && pathName != open.Name {
		return "", nil, fault.New(fault.BadName, "the URL names chain %q and Open names chain %q", pathName, name)
	}
	conn.SetReadDeadline(time.Time{})
	ctx, cancel := context.WithTimeout(s.sessions, openTimeout)
	defer cancel()
	if c, err = s.registry.acquire(ctx, name, open.Create); err != nil {
		return "", nil, err
	}
	conn.SetLimit(wire.MaxMessage)
	return hello.Agent, c, nil
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
