package client

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/known"
)

// Options says how a client behaves. The zero value is of use.
type Options struct {
	// Create makes the chain if there is none. Only the first opening makes
	// one: a chain that vanishes later is an error.
	Create bool
	// Agent names the application in the server's log.
	Agent string
	// Signer is the key that the client writes with; nil writes as nobody. In
	// a chain of distributed trust that the client makes, it owns the chain.
	// Such a chain refuses a key that is not quantum-resistant.
	Signer *keys.SigningKey
	// Delegation, if not empty, makes Signer a token's key: it is the encoded
	// delegation that says so, as package token has it. The client then writes
	// as its user in the chains that the delegation covers. It cannot make a
	// chain of distributed trust, or write one: nobody but the user's own key
	// can be checked there.
	Delegation []byte
	// OtherSigners are further keys that the client proves where trust is
	// centralized, at most MaxOtherSigners: an event may be written there with
	// the authority of any. In distributed trust Signer alone seals.
	OtherSigners []*keys.SigningKey
	// Readers are the keys that data is decrypted with: see [Client.Decrypt].
	Readers []*keys.ReadKey
	// MinEncryption is the least wire encryption that is accepted: 0, 128, 192
	// or 256. The server may ask for more.
	MinEncryption int
	// TLS is what a wss:// URL is opened with; nil is the default.
	TLS *tls.Config
	// DialContext makes the connections, as a net.Dialer does; nil looks names
	// up as the system does.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Hosts are the servers that are known by their keys. Nil knows none:
	// then an encrypting server is believed only if the URL pins it, or by
	// OnUnknownServer.
	Hosts known.Hosts
	// OnUnknownServer is asked whether to pin a server that is neither in
	// Hosts nor pinned by the URL; nil says no.
	OnUnknownServer func(host string, fingerprint identity.Fingerprint) bool
	// Heads remembers how far each chain was seen, so that a server which
	// rewrites, forks or rolls back a chain is refused; nil remembers no
	// longer than the client lives.
	Heads known.Heads
	// Logger receives the server's notices and what happens to the
	// connection; nil discards them.
	Logger *slog.Logger
	// OnState is called when the connection opens, and each time that it is
	// lost or an attempt to open it fails. The calls come one after the other;
	// until one returns, the client does nothing else. It must not call Close.
	OnState func(State)
	// Window is how many bytes of events a subscription may hold that the
	// application has not consumed; 0 is DefaultWindow. One message of the
	// server may come on top.
	Window int
	// Backoff bounds the pauses between attempts to reconnect.
	Backoff Backoff
	// KeepAlive is how long the server may be silent before the client asks
	// whether it is there; 0 is DefaultKeepAlive. After three times as long
	// the connection counts as lost.
	KeepAlive time.Duration

	unaudited bool // the client is part of an audit
}

// MaxOtherSigners is how many Options.OtherSigners there may be.
const MaxOtherSigners = 32

// Defaults of Options.
const (
	DefaultWindow     = 4 << 20 // bytes
	DefaultKeepAlive  = 20 * time.Second
	DefaultBackoffMin = 50 * time.Millisecond
	DefaultBackoffMax = 5 * time.Second
)

// attemptTimeout is how long one attempt to open the chain may take.
const attemptTimeout = 20 * time.Second

// State is what became of the connection.
type State struct {
	Connected bool
	Err       error // if not connected: why
}

// Backoff bounds the pause before an attempt to reconnect. The first attempt
// comes at once, the second after about Min; each further pause is twice as
// long, up to Max. Zero is the default. A random part of up to a half is taken
// off each, so that many clients do not come back together.
type Backoff struct{ Min, Max time.Duration }

func (b Backoff) pause(attempt int) time.Duration {
	if attempt == 0 {
		return 0
	}
	d := b.Max
	if shift := attempt - 1; shift < 30 && b.Min<<shift < b.Max {
		d = b.Min << shift
	}
	return d - rand.N(d/2+1)
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnState == nil {
		o.OnState = func(State) {}
	}
	if o.Window <= 0 {
		o.Window = DefaultWindow
	}
	if o.KeepAlive <= 0 {
		o.KeepAlive = DefaultKeepAlive
	}
	if o.Backoff.Min <= 0 {
		o.Backoff.Min = DefaultBackoffMin
	}
	if o.Backoff.Max <= 0 {
		o.Backoff.Max = max(DefaultBackoffMax, o.Backoff.Min)
	}
	return o
}

// isFinal reports whether connecting again cannot help against an error that
// the server gave, or that its answer shows.
func isFinal(err error) bool {
	switch fault.CodeOf(err) {
	case fault.BadRequest, fault.BadName, fault.BadMessage, fault.NotFound, fault.NotAuthorized,
		fault.Denied, fault.Unsupported, fault.TooLarge, fault.Damaged,
		fault.BadProof, fault.BadSeal, fault.BadToken, fault.TokenExpired, fault.TokenRevoked, fault.UnknownServer, fault.WrongServer, fault.Forked:
		return true
	}
	return false
}
