// Package authserver is the authentication server: who knows which keys are a
// user's or a group's, and proves what it says.
//
// Users and groups are objects in a chain of the server's own, which package
// accounts describes. What clients ask, and how that is framed, is in package
// authserver of the sdk. Who may ask what:
//
//	request                        nobody   login   token
//	Look, CheckToken, GetStretch   yes      yes     yes
//	Login, Present, CreateUser     yes      yes     yes
//	GetUser                        -        yes     yes
//	PutGroup                       -        yes     yes     as the group's roles allow
//	GetGroup                       -        yes     yes     the roster for members alone
//	ListTokens, RevokeToken        -        yes     yes
//	PutUser, SetTotp               -        yes     -
//	RegisterToken                  -        yes     -
//
// A token must be one that speaks for its user here. A login stands as long as
// the lock that it opened is the user's, and a token as long as it is registered
// and neither revoked nor expired: both are looked at again by every request, in
// the same look at the accounts by which the request is decided.
//
// A connection has one goroutine, which answers requests in their order. Looks
// read what is durable and wait for no writer. What changes something is durable
// when it is answered with Done, and done once if it is sent again.
//
// # Secrets
//
// The server keeps no secret of a user's in a form that it could use: see package
// account. From the seed of its signing key it derives, by HKDF-SHA-256 without a
// salt, the key of the salts that it makes up for users who do not exist (info
// "AteDB auth-server decoy salts v1") and that of invites (see package invite).
package authserver

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/core/certificate"
	"github.com/atedb/atedb/core/grace"
	"github.com/atedb/atedb/core/transport"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/wire"
)

// Config is what the server runs with.
type Config struct {
	Listen         string // host:port
	LogsPath       string // absolute path of the folder of the accounts
	Identity       *identity.Private
	WireEncryption int // the least: 0, 128, 192 or 256
	Policy         Policy
	Storage        string   // name of the storage plugin
	PluginDirs     []string // where it is looked for, in order
	RuntimeDir     string   // absolute path of the folder of its sockets

	// Certificate and Key are the paths of PEM files with which it speaks wss://
	// too; both are given or neither. They are read again whenever something comes
	// over Hangups.
	Certificate, Key string
	Hangups          <-chan os.Signal
}

// Path is the path of the server's URL.
const Path = "/auth"

var authPath = transport.Path{
	Prefix: Path,
	CheckName: func(rest string) error {
		if rest != "" {
			return fault.New(fault.BadName, "an authentication server is at %s, and nothing is below it", Path)
		}
		return nil
	},
	Hint: "This is an AteDB authentication server, at " + Path + ".",
}

// Run serves until ctx ends, then stops in an orderly way: it takes no more
// connections, answers the requests under way, ends the connections, and stops
// the plugins. It returns nil after an orderly stop. If the accounts'
// chain cannot go on, it ends too: start it again.
func Run(ctx context.Context, cfg Config, log hclog.Logger) (err error) {
	defer func() {
		if err == nil {
			log.Info("stopped")
		}
	}()
	var shown atomic.Pointer[tls.Certificate]
	if err := renew(&shown, cfg); err != nil {
		return err
	}
	failed := make(chan error, 1)
	storage, err := startStorage(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, storage.stop()) }()
	store, err := storage.open(ctx, cfg, func(err error) { failed <- err }, log)
	if err != nil {
		return err
	}
	defer func() {
		if ended := storage.compactor.end(closeTimeout); ended != nil {
			err = errors.Join(err, ended) // and the accounts' state is not at rest
			return
		}
		err = errors.Join(err, closeStore(store))
	}()
	s, err := newService(store, cfg.Identity, cfg.Policy, log)
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	listener, err := listen(serving, cfg, certificate.Config(&shown), s, log)
	if err != nil {
		return err
	}
	accepting := make(chan error, 1)
	go func() { accepting <- listener.Serve() }()
	log.Info("serving", "listen", listener.Addr().String(), "logs_path", cfg.LogsPath, "version", plugin.BuildVersion(),
		"wire_encryption", cfg.WireEncryption, "fingerprint", cfg.Identity.Public().Fingerprint().String())
	for {
		select {
		case <-cfg.Hangups:
			hangUp(&shown, cfg, log)
			continue
		case err = <-accepting:
		case err = <-failed:
		case <-ctx.Done():
			log.Info("stopping", "timeout", shutdownTimeout.String())
		}
		stop()
		return errors.Join(err, endConnections(listener))
	}
}

// renew reads the certificate from its files, if there is to be one.
func renew(shown *atomic.Pointer[tls.Certificate], cfg Config) error {
	read, err := certificate.Load(cfg.Certificate, cfg.Key)
	if err == nil {
		shown.Store(read)
	}
	return err
}

// hangUp has clients that come later shown the certificate that is in the files
// now. One that is of no use leaves the one before.
func hangUp(shown *atomic.Pointer[tls.Certificate], cfg Config, log hclog.Logger) {
	switch err := renew(shown, cfg); {
	case err != nil:
		log.Error("the certificate was not read again, and the one before stays", "error", err)
	case cfg.Certificate == "":
		log.Info("there is no certificate to read again")
	default:
		log.Info("certificate read again", "certificate", cfg.Certificate)
	}
}

// listen returns what accepts connections, which end when ctx does.
func listen(ctx context.Context, cfg Config, wss *tls.Config, s *service, log hclog.Logger) (*transport.Listener, error) {
	accept := wire.AcceptOptions{Agent: "auth-server/" + plugin.BuildVersion(), Encryption: cfg.WireEncryption, Identity: cfg.Identity}
	return transport.Listen(transport.Config{
		Address: cfg.Listen, TLS: wss, Path: authPath, MaxConnections: maxConnections, MaxPerAddress: maxPerAddress,
		Logger: log.Named("transport"), Handler: func(nc net.Conn, _ string) { s.handle(ctx, nc, accept) },
	})
}

// endConnections waits until the connections have ended, which they do by
// themselves.
func endConnections(listener *transport.Listener) error {
	listener.Close()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout-shutdownTimeout/pluginShare)
	defer cancel()
	if !grace.Wait(ctx, listener.Wait) {
		return fault.New(fault.Unavailable, "some connections did not end in time")
	}
	return nil
}

// closeTimeout is how long saving the state of the accounts may take.
const closeTimeout = 5 * time.Second

func closeStore(store *accounts.Store) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return store.Close(ctx)
}
