package authservertest

import (
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/token"
)

func (c *connection) getStretch(m *authserverpb.GetStretch, reply *authserverpb.Reply) error {
	kind, err := account.KindOf(m.Kind)
	if err != nil {
		return err
	}
	stretch := fakeStretch(m.Name)
	if u := c.server.accounts.users[m.Name]; u != nil {
		if lock, ok := u.vault.Lock(kind); ok {
			stretch = lock.Stretch.Proto()
		}
	}
	reply.Answer = &authserverpb.Reply_Stretch{Stretch: stretch}
	return nil
}

func (c *connection) logIn(m *authserverpb.Login) (*authserverpb.LoggedIn, error) {
	kind, err := account.KindOf(m.Kind)
	if err != nil {
		return nil, err
	}
	u := c.server.accounts.users[m.Name]
	if u == nil {
		return nil, account.LoginRefused()
	}
	lock, ok := u.vault.Lock(kind)
	if !ok {
		return nil, account.LoginRefused()
	}
	if err := account.VerifyLogin(lock, u.name, c.binding[:], c.server.Fingerprint(), m.Signature); err != nil {
		return nil, err
	}
	if sealed := u.vault.TOTP(); kind == account.Passphrase && len(sealed) > 0 {
		if m.TotpCode == "" {
			return &authserverpb.LoggedIn{TotpNeeded: true}, nil
		}
		secret, err := account.OpenTOTP(m.TotpKey, sealed, u.name)
		if err != nil {
			return nil, account.LoginRefused()
		}
		if u.step, ok = stepOf(secret, m.TotpCode, u.step); !ok {
			return nil, account.LoginRefused()
		}
	}
	c.user, c.login = u, true
	return &authserverpb.LoggedIn{Vault: u.vault.Proto(), Advert: u.advert.Proto()}, nil
}

func (c *connection) present(m *authserverpb.Present) error {
	signed, err := account.SignedOf(m.Delegation)
	if err != nil {
		return err
	}
	d, err := token.DelegationOf(signed)
	if err != nil {
		return err
	}
	if err := d.Check(time.Now()); err != nil {
		return err
	}
	if err := token.VerifyPresent(d, m.PublicKey, c.binding[:], c.server.Fingerprint(), m.Signature); err != nil {
		return err
	}
	if status := c.server.accounts.status(d.User, d.ID, d.Issuer.ID()); status.Refused != "" {
		return fault.New(fault.TokenRevoked, "%s", status.Refused)
	}
	if !d.Account {
		return fault.New(fault.NotAuthorized, "the token may not speak for %s here", d.User)
	}
	c.user, c.login = c.server.accounts.users[d.User.String()], false
	return nil
}
