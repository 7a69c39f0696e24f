package authserver

import (
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/token"
)

// caller is who is at the other end of one connection. It is for one goroutine.
type caller struct {
	*service
	binding [32]byte
	from    netip.Addr
	idle    time.Duration // how long the client has for its next message, from its beginning to its end

	as       standing
	failures int // logins and tokens that were refused
}

// standing is as whom a caller acts: nobody at first. Every request checks
// anew, in the same look at the accounts by which it is decided, whether what
// the standing comes from still holds.
type standing struct {
	user account.Name // "" for nobody

	// Of a login.
	lock  event.Hash // id of the login key of the lock that was opened
	kind  account.Kind
	vault [sha256.Size]byte // hash of the newest vault that the caller knows

	token *token.ID // of a token; nil for a login
}

// user is a user's state, parsed.
type user struct {
	*accounts.User
	name   account.Name
	vault  account.Vault
	signed account.Signed // the newest advert
	advert account.Advert
}

// loadUser returns a user, nil if there is none of the name.
func loadUser(t *accounts.Tx, name account.Name) (*user, error) {
	stored, err := t.User(string(name))
	if err != nil || stored == nil {
		return nil, err
	}
	u := &user{User: stored, name: name}
	if u.vault, err = account.ParseVault(stored.Vault); err != nil {
		return nil, damaged(name, err)
	}
	if u.signed, err = account.ParseSigned(stored.Advert); err != nil {
		return nil, damaged(name, err)
	}
	if u.advert, err = account.ParseAdvert(u.signed); err != nil {
		return nil, damaged(name, err)
	}
	return u, nil
}

func damaged(name account.Name, err error) error {
	return fault.New(fault.Damaged, "what is stored of %s cannot be read: %w", name, err)
}

// loggedIn returns the user who logged in on this connection. A token is not
// enough.
func (c *caller) loggedIn(t *accounts.Tx) (*user, error) {
	if c.as.user == "" || c.as.token != nil {
		return nil, fault.New(fault.NeedsLogin, "this needs a login with the passphrase or the recovery code on the same connection")
	}
	u, err := loadUser(t, c.as.user)
	if err != nil {
		return nil, err
	}
	if lock, ok := u.vault.Lock(c.as.kind); !ok || lock.LoginKey.ID() != c.as.lock {
		return nil, fault.New(fault.NeedsLogin, "the %s was changed since this connection logged in; log in again", c.as.kind)
	}
	return u, nil
}

// acting returns the user that this connection acts as, by a login or a token.
func (c *caller) acting(t *accounts.Tx) (*user, error) {
	switch {
	case c.as.user == "":
		return nil, fault.New(fault.NeedsLogin, "this needs a login, or a token that speaks for its user at the authentication server")
	case c.as.token == nil:
		return c.loggedIn(t)
	}
	u, err := loadUser(t, c.as.user)
	if err != nil {
		return nil, err
	}
	if _, err := standingToken(t, u.name, u.advert.Signing.ID(), *c.as.token, c.now()); err != nil {
		return nil, err
	}
	return u, nil
}

// knows notes the newest vault that the caller knows.
func (s *standing) knows(vault account.Vault) {
	s.vault = sha256.Sum256(vault.Encode())
	if lock, ok := vault.Lock(s.kind); ok {
		s.lock = lock.LoginKey.ID()
	}
}
