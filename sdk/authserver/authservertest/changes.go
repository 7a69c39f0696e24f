package authservertest

import (
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/token"
)

func (c *connection) createUser(m *authserverpb.CreateUser) error {
	signed, err := account.SignedOf(m.Advert)
	if err != nil {
		return err
	}
	advert, err := account.CheckAdvert(nil, signed)
	if err != nil {
		return err
	}
	vault, err := account.VaultOf(m.Vault)
	if err != nil {
		return err
	}
	name := advert.Name.String()
	if c.server.accounts.users[name] != nil {
		return fault.New(fault.Denied, "there is a user %s already; choose another name", name)
	}
	c.server.accounts.users[name] = &user{
		name: advert.Name, advert: signed, signing: advert.Signing.ID(), vault: vault,
		created: time.Now(), tokens: make(map[token.ID]*registered),
	}
	c.server.log.put(authserver.UserKey(name), signed.Encode())
	return nil
}

func (c *connection) putUser(m *authserverpb.PutUser) error {
	vault, err := account.VaultOf(m.Vault)
	if err != nil {
		return err
	}
	if m.Advert != nil {
		signed, err := account.SignedOf(m.Advert)
		if err != nil {
			return err
		}
		advert, err := account.CheckAdvert(&c.user.advert, signed)
		if err != nil {
			return err
		}
		c.server.log.follow(authserver.UserKey(c.user.name.String()), advert.Number, c.user.advert, signed)
		c.user.advert, c.user.signing = signed, advert.Signing.ID()
	}
	c.user.vault = vault
	return nil
}

func (c *connection) setTOTP(m *authserverpb.SetTotp) error {
	secret := m.Secret
	var err error
	if len(secret) == 0 {
		if secret, err = account.OpenTOTP(m.TotpKey, c.user.vault.TOTP(), c.user.name); err != nil {
			return err
		}
	}
	step, ok := stepOf(secret, m.Code, c.user.step)
	if !ok {
		return account.LoginRefused()
	}
	var sealed []byte
	if len(m.Secret) > 0 {
		if sealed, err = account.SealTOTP(m.TotpKey, m.Secret, c.user.name); err != nil {
			return err
		}
	}
	c.user.vault, c.user.step = c.user.vault.WithTOTP(sealed), step
	return nil
}

func (c *connection) details() *authserverpb.User {
	m := &authserverpb.User{
		Name: c.user.name.String(), Advert: c.user.advert.Proto(),
		Totp: len(c.user.vault.TOTP()) > 0, Created: c.user.created.UnixMilli(),
	}
	for name, g := range c.server.accounts.groups {
		if g.members[c.user.name] {
			m.Groups = append(m.Groups, name)
		}
	}
	slices.Sort(m.Groups)
	return m
}

func (c *connection) putGroup(m *authserverpb.PutGroup) error {
	signed, err := account.SignedOf(m.Statement)
	if err != nil {
		return err
	}
	name, previous, previousRoster, err := c.before(signed)
	if err != nil {
		return err
	}
	statement, err := group.Check(previous, previousRoster, signed, m.Roster)
	if err != nil {
		return err
	}
	roster, err := group.ParseRoster(m.Roster)
	if err != nil {
		return err
	}
	g := &groupOf{statement: signed, roster: m.Roster, members: make(map[account.Name]bool)}
	for _, member := range roster.Members {
		g.members[member.User] = true
	}
	c.server.accounts.groups[name] = g
	if previous == nil {
		c.server.log.put(authserver.GroupKey(name), signed.Encode())
	} else {
		c.server.log.follow(authserver.GroupKey(name), statement.Number, *previous, signed)
	}
	return nil
}

// before returns a group's name and what it was before, nil if it is new.
func (c *connection) before(signed account.Signed) (name string, previous *account.Signed, roster []byte, err error) {
	statement, err := group.ParseStatement(signed)
	if err != nil {
		return "", nil, nil, err
	}
	g := c.server.accounts.groups[statement.Name]
	if g == nil {
		return statement.Name, nil, nil, nil
	}
	if !g.members[c.user.name] {
		return "", nil, nil, fault.New(fault.NotAuthorized, "%s is no member of the group", c.user.name)
	}
	return statement.Name, &g.statement, g.roster, nil
}

func (c *connection) getGroup(name string, reply *authserverpb.Reply) error {
	g := c.server.accounts.groups[name]
	if g == nil {
		return fault.New(fault.NotFound, "there is no group %s", name)
	}
	m := &authserverpb.Group{Statement: g.statement.Proto()}
	if g.members[c.user.name] {
		m.Roster = g.roster
	}
	reply.Answer = &authserverpb.Reply_Group{Group: m}
	return nil
}
