// Package transport accepts connections: WebSocket and the raw protocol on the
// same port, told apart by their first eight bytes.
//
// What it hands on is a stream of bytes that has said nothing yet. Until then a
// connection costs little memory, a goroutine, and at most wire.HelloTimeout of
// time. With a certificate it takes both protocols inside TLS too.
package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire"
)

// Handler serves one connection and closes it. name is what the URL's path says
// after the config's: a chain's name, or "" if only Open is to name it: over the
// raw protocol, and when the client wants it to be encrypted.
type Handler func(conn net.Conn, name string)

// Path is what a WebSocket's URL says.
type Path struct {
	Prefix    string                  // what it begins with
	CheckName func(name string) error // whether the rest is good
	Hint      string                  // what to say of any other: a sentence
}

// ChainPath is the path of servers of chains.
var ChainPath = Path{
	Prefix: chainname.URLPrefix,
	CheckName: func(name string) error {
		if name == "" {
			return nil
		}
		_, err := chainname.Parse(name)
		return err
	},
	Hint: "This is an AteDB server. Chains are at " + chainname.URLPrefix + "domain/name/db.",
}

// Config is what a Listener is made with.
type Config struct {
	Address        string      // host:port; an empty host or [::] is every address, IPv6 and IPv4; 0.0.0.0 is IPv4 only
	MaxConnections int         // at once
	MaxPerAddress  int         // at once from one IPv4 address or one IPv6 /64 network
	TLS            *tls.Config // nil for none
	Path           Path
	Logger         hclog.Logger
	Handler        Handler
}

// Listener accepts connections and gives each to the handler, on a goroutine
// of its own.
type Listener struct {
	config   Config
	listener net.Listener
	http     *http.Server
	upgrades chan net.Conn // connections that speak HTTP
	admitted admission
	closing  chan struct{}
	running  sync.WaitGroup // Serve, the connections, and the handlers of those that speak WebSocket
}

// Listen binds the address. That it is taken, or not this machine's, is a
// fault that says so.
func Listen(config Config) (*Listener, error) {
	listener, err := net.Listen(network(config.Address), config.Address)
	if err != nil {
		return nil, listenFault(config.Address, err)
	}
	l := &Listener{
		config: config, listener: listener,
		upgrades: make(chan net.Conn), closing: make(chan struct{}),
		admitted: admission{max: config.MaxConnections, maxPerAddress: config.MaxPerAddress},
	}
	l.http = &http.Server{
		Handler:        http.HandlerFunc(l.upgrade),
		ReadTimeout:    wire.HelloTimeout, // with a body, which the server waits for although nobody reads it
		IdleTimeout:    wire.HelloTimeout,
		MaxHeaderBytes: wire.MaxHello,
		ErrorLog:       config.Logger.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
		BaseContext:    func(net.Listener) context.Context { return context.Background() },
	}
	l.running.Add(1) // Serve
	return l, nil
}

// network is what to listen on at an address: for 0.0.0.0 IPv4 alone, which "tcp"
// would take for every address of both.
func network(address string) string {
	if addr, err := netip.ParseAddrPort(address); err == nil && addr.Addr().Is4() {
		return "tcp4"
	}
	return "tcp"
}

func listenFault(address string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fault.New(fault.Unavailable, "another process listens on %s already; stop it, or choose another port with --port or listen", address)
	case errors.Is(err, syscall.EACCES):
		return fault.New(fault.Unavailable, "this user may not listen on %s; choose a port above 1023", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fault.New(fault.BadConfig, "%s is not an address of this machine", address)
	}
	return fault.New(fault.Unavailable, "listening on %s: %w", address, err)
}

// Addr returns the address that the listener is bound to.
func (l *Listener) Addr() net.Addr { return l.listener.Addr() }

// Serve accepts connections until Close. It is called once.
func (l *Listener) Serve() error {
	defer l.running.Done()
	go l.http.Serve(upgradeListener{l}) // ends when l.closing does
	for {
		nc, err := l.listener.Accept()
		if err == nil {
			l.running.Go(func() { l.serve(nc) })
			continue
		}
		select {
		case <-l.closing:
			return nil
		default:
		}
		if !isTemporary(err) {
			return fault.New(fault.Unavailable, "accepting connections on %s: %w", l.config.Address, err)
		}
		l.config.Logger.Warn("cannot accept a connection; trying again in a second", "error", err)
		time.Sleep(time.Second)
	}
}

// isTemporary reports whether accepting may work again: the process or the
// system is out of file descriptors or memory, or the peer was too quick.
func isTemporary(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOBUFS) ||
		errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.ECONNABORTED)
}

// Close stops accepting. Connections go on.
func (l *Listener) Close() {
	close(l.closing)
	l.listener.Close()
}

// Wait waits until Serve, every connection and every call of the handler has ended,
// after Close.
func (l *Listener) Wait() { l.running.Wait() }

// serve admits a connection and finds out what it speaks.
func (l *Listener) serve(nc net.Conn) {
	leave, err := l.admitted.enter(nc.RemoteAddr())
	if err != nil {
		l.config.Logger.Warn("connection refused", "from", nc.RemoteAddr().String(), "error", err)
		nc.Close()
		return
	}
	defer leave()
	nc.SetReadDeadline(time.Now().Add(wire.HelloTimeout))
	l.detect(nc, l.config.TLS)
}

// detect finds out what a connection speaks, inside TLS too if that is offered,
// and serves it.
func (l *Listener) detect(nc net.Conn, offered *tls.Config) {
	head := make([]byte, len(wire.Preface))
	if n, err := io.ReadFull(nc, head); err != nil {
		if n > 0 {
			l.config.Logger.Debug("connection ended in its first bytes", "from", nc.RemoteAddr().String(), "error", err)
		}
		nc.Close()
		return
	}
	switch {
	case string(head) == wire.Preface:
		l.config.Handler(nc, "")
	case isHTTP(head):
		l.serveHTTP(newPrefixed(nc, head))
	case head[0] == tlsHandshake && offered != nil:
		l.detect(tls.Server(newPrefixed(nc, head), offered), nil)
	default:
		l.config.Logger.Debug("connection speaks an unknown protocol", "from", nc.RemoteAddr().String(), "tls", head[0] == tlsHandshake)
		nc.SetWriteDeadline(time.Now().Add(time.Second))
		io.WriteString(nc, unknownProtocol)
		nc.Close()
	}
}

// tlsHandshake is the first byte of a TLS connection.
const tlsHandshake = 0x16

const unknownProtocol = "This is an AteDB server. It speaks WebSocket (ws://) and its own protocol (tcp://) on this port, and TLS (wss://) only where its operator gave it a certificate.\r\n"

func isHTTP(head []byte) bool {
	for _, method := range []string{"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "} {
		if n := min(len(method), len(head)); string(head[:n]) == method[:n] {
			return true
		}
	}
	return false
}
