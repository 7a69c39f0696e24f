package authserver

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/known"
)

// Options says how a client connects and what it remembers. The zero value knows
// no server, so that it believes only one that its URL pins.
type Options struct {
	// Patience is for how long the server may take for an answer; zero is for as
	// long as the call that asks may take, which has work of its own to do.
	Patience time.Duration
	// Agent names the application in the server's log.
	Agent string
	// MinEncryption is the least wire encryption that is accepted: 0, 128, 192
	// or 256. The server may ask for more.
	MinEncryption int
	// TLS is what a wss:// URL is opened with; nil is the default.
	TLS *tls.Config
	// DialContext makes the connection, as a net.Dialer does; nil looks names
	// up as the system does.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Hosts are the servers that are known by their keys; nil knows none.
	Hosts known.Hosts
	// OnUnknownServer is asked whether to pin a server that is neither in
	// Hosts nor pinned by the URL; nil says no.
	OnUnknownServer func(host string, fingerprint identity.Fingerprint) bool
	// Heads remembers how far the server's log was seen; nil remembers no
	// longer than the client lives.
	Heads known.Heads
	// Statements remembers what the server showed of each name; nil remembers
	// no longer than the client lives.
	Statements known.Statements
	// Cost is what it takes to try one passphrase against a vault that this
	// client makes; zero is account.DefaultCost.
	Cost account.Cost
}
