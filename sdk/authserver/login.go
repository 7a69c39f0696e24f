package authserver

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// Login logs a user in. Stretching the passphrase takes about 0.2 s and 64 MiB.
// totp is asked for the present time-based code if the user needs one; nil has
// none. A login_failed fault does not say what was wrong.
//
// Whatever the server answers, it learns neither the passphrase nor a key; the
// keys that it gives are those that the user's advert in its log is about.
func (c *Client) Login(ctx context.Context, name account.Name, passphrase string, totp func(context.Context) (string, error)) (*Session, error) {
	return c.logIn(ctx, name, account.Passphrase, totp, func(s account.Stretch) (*account.Credential, error) {
		return account.StretchPassphrase(passphrase, s)
	})
}

// Recover logs a user in with his recovery code, without a time-based code, and
// gives him a new passphrase and a new recovery code: show it to the user once.
// From then on he needs no time-based codes.
func (c *Client) Recover(ctx context.Context, name account.Name, recoveryCode, passphrase string) (s *Session, newCode string, err error) {
	s, err = c.logIn(ctx, name, account.Recovery, nil, func(s account.Stretch) (*account.Credential, error) {
		return account.RecoveryCredential(recoveryCode, s)
	})
	if err != nil {
		return nil, "", err
	}
	newCode, err = s.ChangePassphrase(ctx, passphrase)
	return s, newCode, err
}

// Created is a new user.
type Created struct {
	Keys         *keys.Identity
	RecoveryCode string // to be shown to the user once, and kept nowhere
}

// CreateUser makes keys and has the server keep them under a name, in a vault
// that the passphrase opens, or the recovery code. invite is what the server's
// operator gave the user, if that is needed. A name that is taken is refused.
func (c *Client) CreateUser(ctx context.Context, name account.Name, passphrase, invite string) (Created, error) {
	if err := c.provable(); err != nil {
		return Created{}, err
	}
	id := newIdentity(name)
	vault, code, err := c.cost.NewVault(name, id, passphrase)
	if err != nil {
		return Created{}, err
	}
	err = c.do(ctx, &authserverpb.Request{Ask: &authserverpb.Request_CreateUser{CreateUser: &authserverpb.CreateUser{
		Advert: account.FirstAdvert(name, id, time.Now()).Proto(), Vault: vault.Proto(), Invite: invite,
	}}})
	if err != nil {
		return Created{}, err
	}
	advert, _, err := c.lookUser(ctx, name)
	if err == nil && advert.Signing.ID() != id.Signing.Public().ID() {
		err = fault.New(fault.Forked, "%s has shown another key of %s than the one that it was given", c.url.Host, name)
	}
	return Created{Keys: id, RecoveryCode: code}, err
}

func (c *Client) logIn(ctx context.Context, name account.Name, kind account.Kind, totp func(context.Context) (string, error), stretch func(account.Stretch) (*account.Credential, error)) (*Session, error) {
	if err := c.provable(); err != nil {
		return nil, err
	}
	credential, err := c.stretch(ctx, name, kind, stretch)
	if err != nil {
		return nil, err
	}
	loggedIn, err := c.signIn(ctx, name, credential, nil)
	if err == nil && loggedIn.TotpNeeded {
		loggedIn, err = c.signInWithCode(ctx, name, credential, totp)
	}
	if err != nil {
		return nil, err
	}
	return c.open(ctx, name, credential, loggedIn)
}

// stretch makes the credential as the server says.
func (c *Client) stretch(ctx context.Context, name account.Name, kind account.Kind, stretch func(account.Stretch) (*account.Credential, error)) (*account.Credential, error) {
	reply, err := c.ask(ctx, &authserverpb.Request{Ask: &authserverpb.Request_GetStretch{GetStretch: &authserverpb.GetStretch{Name: name.String(), Kind: kind.Proto()}}})
	if err != nil {
		return nil, err
	}
	message, err := expect(reply.GetStretch())
	if err != nil {
		return nil, err
	}
	s, err := account.StretchOf(message)
	if err != nil {
		return nil, err
	}
	return stretch(s)
}

func (c *Client) signIn(ctx context.Context, name account.Name, credential *account.Credential, code *string) (*authserverpb.LoggedIn, error) {
	m := &authserverpb.Login{
		Name: name.String(), Kind: credential.Kind().Proto(),
		Signature: credential.SignLogin(name, c.greeting.Binding[:], c.greeting.Server.Fingerprint),
	}
	if code != nil {
		m.TotpKey, m.TotpCode = credential.TOTPKey(), *code
	}
	reply, err := c.ask(ctx, &authserverpb.Request{Ask: &authserverpb.Request_Login{Login: m}})
	if err != nil {
		return nil, err
	}
	return expect(reply.GetLoggedIn())
}

func (c *Client) signInWithCode(ctx context.Context, name account.Name, credential *account.Credential, totp func(context.Context) (string, error)) (*authserverpb.LoggedIn, error) {
	if totp == nil || credential.Kind() != account.Passphrase {
		return nil, fault.New(fault.LoginFailed, "%s needs a time-based code to log in, and none was given", name)
	}
	code, err := totp(ctx)
	if err != nil {
		return nil, err
	}
	loggedIn, err := c.signIn(ctx, name, credential, &code)
	if err == nil && loggedIn.TotpNeeded {
		err = fault.New(fault.BadMessage, "%s asks for a time-based code again; it breaks the protocol", c.url.Host)
	}
	return loggedIn, err
}

// open opens the vault that the server gave, and checks that it is the one of
// the user's newest advert.
func (c *Client) open(ctx context.Context, name account.Name, credential *account.Credential, loggedIn *authserverpb.LoggedIn) (*Session, error) {
	vault, err := account.VaultOf(loggedIn.Vault)
	if err != nil {
		return nil, err
	}
	if vault.Name() != name {
		return nil, fault.New(fault.Damaged, "%s gave the vault of %s to %s", c.url.Host, vault.Name(), name)
	}
	opened, err := vault.Open(credential)
	if err != nil {
		return nil, err
	}
	opened.Cost = c.cost
	advert, signed, err := c.lookUser(ctx, name)
	if err == nil {
		err = opened.CheckAdvert(advert)
	}
	if err != nil {
		return nil, err
	}
	s := &Session{Client: c, user: name, login: &login{credential: credential, opened: opened, advert: signed}}
	for _, id := range opened.Keys {
		s.readers = append(s.readers, id.Read)
	}
	return s, nil
}

// provable returns what is wrong with a connection that a login is not to be
// said on.
func (c *Client) provable() error {
	if c.greeting.Server.Proven || c.url.Scheme == "wss" {
		return nil
	}
	return fault.New(fault.WrongServer, "%s does not encrypt, so that somebody in between could use the login; ask for wire encryption, or use wss://", c.url.Host)
}
