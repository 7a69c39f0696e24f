package authserver

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// Session is a client whose connection acts for a user: by a login, with all of
// his rights and keys, or with a token. Its methods are called one after the
// other; those of its client may be called meanwhile.
type Session struct {
	*Client
	user    account.Name
	readers []*keys.ReadKey // that open what is sealed to the user, the newest last
	login   *login          // nil with a token
}

// login is what only a login has.
type login struct {
	credential *account.Credential
	opened     *account.Opened
	advert     account.Signed
	stale      bool // the vault has changed since
}

// User returns for whom the session acts.
func (s *Session) User() account.Name { return s.user }

// Keys returns the user's secret keys, the newest last; nil with a token.
func (s *Session) Keys() []*keys.Identity {
	if s.login == nil {
		return nil
	}
	return s.login.opened.Keys
}

// Details is what a user may know of himself.
type Details struct {
	Name    account.Name
	Advert  account.Advert
	TOTP    bool // whether a login needs time-based codes
	Created time.Time
	Groups  []string
}

// Details asks for what only the user may know.
func (s *Session) Details(ctx context.Context) (Details, error) {
	reply, err := s.ask(ctx, &authserverpb.Request{Ask: &authserverpb.Request_GetUser{GetUser: &authserverpb.GetUser{}}})
	if err != nil {
		return Details{}, err
	}
	user, err := expect(reply.GetUser())
	if err != nil {
		return Details{}, err
	}
	advert, _, err := s.lookUser(ctx, s.user)
	if err != nil {
		return Details{}, err
	}
	return Details{Name: s.user, Advert: advert, TOTP: user.Totp, Created: time.UnixMilli(user.Created), Groups: user.Groups}, nil
}

// ChangePassphrase has another passphrase open the user's vault, and returns the
// new recovery code: show it to the user once. The old ones open nothing more. A
// session that a recovery code began switches time-based codes off with it.
func (s *Session) ChangePassphrase(ctx context.Context, passphrase string) (recoveryCode string, err error) {
	l, err := s.fresh()
	if err != nil {
		return "", err
	}
	vault, code, err := l.opened.WithPassphrase(passphrase)
	if err != nil {
		return "", err
	}
	if err := s.putUser(ctx, &authserverpb.PutUser{Vault: vault.Proto()}); err != nil {
		return "", err
	}
	l.stale = true
	return code, nil
}

// RotateKeys gives the user new keys. The old ones stay in the vault, to read
// what was encrypted to them; tokens that they issued hold no more.
func (s *Session) RotateKeys(ctx context.Context) error {
	l, err := s.fresh()
	if err != nil {
		return err
	}
	next := newIdentity(s.user)
	advert, err := account.NextAdvert(l.advert, l.opened.Newest(), next, time.Now())
	if err != nil {
		return err
	}
	opened, err := l.opened.WithNextKeys(next)
	if err != nil {
		return err
	}
	if err := s.putUser(ctx, &authserverpb.PutUser{Advert: advert.Proto(), Vault: opened.Vault().Proto()}); err != nil {
		return err
	}
	l.opened, l.advert = opened, advert
	s.readers = append(s.readers, next.Read)
	return nil
}

func (s *Session) putUser(ctx context.Context, put *authserverpb.PutUser) error {
	return s.do(ctx, &authserverpb.Request{Ask: &authserverpb.Request_PutUser{PutUser: put}})
}

// do asks for what has nothing to answer but that it is done.
func (c *Client) do(ctx context.Context, request *authserverpb.Request) error {
	reply, err := c.ask(ctx, request)
	if err == nil {
		_, err = expect(reply.GetDone())
	}
	return err
}

// fresh returns what a login has, if it has not changed since.
func (s *Session) fresh() (*login, error) {
	switch {
	case s.login == nil:
		return nil, fault.New(fault.NeedsLogin, "a token may not change how %s logs in, nor give out tokens; log in with the passphrase", s.user)
	case s.login.stale:
		return nil, fault.New(fault.NeedsLogin, "how %s logs in has changed on this connection; log in again", s.user)
	}
	return s.login, nil
}

func newIdentity(name account.Name) *keys.Identity {
	return &keys.Identity{Name: name.String(), Signing: keys.NewSigningKey(), Read: keys.NewReadKey()}
}
