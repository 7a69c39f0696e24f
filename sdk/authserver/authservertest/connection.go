package authservertest

import (
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/token"
)

// connection is for whom a connection acts.
type connection struct {
	server  *Server
	binding [32]byte
	user    *user // nil for nobody
	login   bool  // not with a token
}

// answer answers a request.
func (c *connection) answer(request *authserverpb.Request) *authserverpb.Reply {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	reply := new(authserverpb.Reply)
	if err := c.handle(request, reply); err != nil {
		f := fault.From(err)
		reply = &authserverpb.Reply{Code: string(f.Code), Reason: f.Reason}
	}
	reply.Id = request.Id
	return reply
}

// handle answers a request. The caller holds the server's mu.
func (c *connection) handle(request *authserverpb.Request, reply *authserverpb.Reply) error {
	done := &authserverpb.Reply_Done{Done: &authserverpb.Done{}}
	reply.Answer = done
	switch ask := request.Ask.(type) {
	case *authserverpb.Request_Look:
		reply.Answer = &authserverpb.Reply_Found{Found: c.look(ask.Look)}
	case *authserverpb.Request_CheckToken:
		m := ask.CheckToken
		if len(m.TokenId) != len(token.ID{}) || len(m.Issuer) != len(event.Hash{}) {
			return fault.New(fault.BadRequest, "a token has an id of %d bytes", len(m.TokenId))
		}
		refused := c.server.accounts.refused(account.Name(m.User), token.ID(m.TokenId), event.Hash(m.Issuer))
		reply.Answer = &authserverpb.Reply_TokenStatus{TokenStatus: &authserverpb.TokenStatus{Refused: refused, TtlSeconds: 30}}
	case *authserverpb.Request_GetStretch:
		return c.getStretch(ask.GetStretch, reply)
	case *authserverpb.Request_Login:
		loggedIn, err := c.logIn(ask.Login)
		reply.Answer = &authserverpb.Reply_LoggedIn{LoggedIn: loggedIn}
		return err
	case *authserverpb.Request_Present:
		return c.present(ask.Present)
	case *authserverpb.Request_CreateUser:
		return c.createUser(ask.CreateUser)
	default:
		return c.handleOwn(request, reply)
	}
	return nil
}

// handleOwn answers what only a user may ask.
func (c *connection) handleOwn(request *authserverpb.Request, reply *authserverpb.Reply) error {
	if c.user == nil {
		return fault.New(fault.NeedsLogin, "log in first")
	}
	switch ask := request.Ask.(type) {
	case *authserverpb.Request_GetUser:
		reply.Answer = &authserverpb.Reply_User{User: c.details()}
	case *authserverpb.Request_PutGroup:
		return c.putGroup(ask.PutGroup)
	case *authserverpb.Request_GetGroup:
		return c.getGroup(ask.GetGroup.GetName(), reply)
	case *authserverpb.Request_ListTokens:
		tokens := new(authserverpb.Tokens)
		for _, t := range c.user.tokens {
			tokens.Tokens = append(tokens.Tokens, &authserverpb.TokenInfo{Delegation: t.encoded, Revoked: t.revoked})
		}
		reply.Answer = &authserverpb.Reply_Tokens{Tokens: tokens}
	case *authserverpb.Request_RevokeToken:
		id := token.ID(slices.Concat(ask.RevokeToken.TokenId, make([]byte, 16))[:16])
		if c.user.tokens[id] == nil {
			return fault.New(fault.NotFound, "there is no token %s of %s", id, c.user.name)
		}
		c.user.tokens[id].revoked = true
	default:
		return c.handleLogin(request)
	}
	return nil
}

// handleLogin answers what takes a login.
func (c *connection) handleLogin(request *authserverpb.Request) error {
	if !c.login {
		return fault.New(fault.NeedsLogin, "a token may not do that; log in")
	}
	switch ask := request.Ask.(type) {
	case *authserverpb.Request_PutUser:
		return c.putUser(ask.PutUser)
	case *authserverpb.Request_SetTotp:
		return c.setTOTP(ask.SetTotp)
	case *authserverpb.Request_RegisterToken:
		signed, err := account.SignedOf(ask.RegisterToken.Delegation)
		if err != nil {
			return err
		}
		d, err := token.DelegationOf(signed)
		if err != nil {
			return err
		}
		if d.User != c.user.name || d.Issuer.ID() != c.user.signing {
			return fault.New(fault.BadToken, "the token is not one of %s", c.user.name)
		}
		c.user.tokens[d.ID] = &registered{encoded: signed.Encode(), delegation: d}
		return nil
	}
	return fault.New(fault.BadRequest, "the request asks for nothing that is known")
}

func (c *connection) look(m *authserverpb.Look) *authserverpb.Found {
	key := authserver.GroupKey(m.Name)
	if _, err := account.ParseName(m.Name); err == nil {
		key = authserver.UserKey(m.Name)
	}
	return c.server.log.look(c.server.identity, key, m.KnownSize)
}

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
	if refused := c.server.accounts.refused(d.User, d.ID, d.Issuer.ID()); refused != "" {
		return fault.New(fault.TokenRevoked, "%s", refused)
	}
	if !d.Account {
		return fault.New(fault.NotAuthorized, "the token may not speak for %s here", d.User)
	}
	c.user, c.login = c.server.accounts.users[d.User.String()], false
	return nil
}

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
		c.user.advert, c.user.signing = signed, advert.Signing.ID()
		c.server.log.put(authserver.UserKey(c.user.name.String()), signed.Encode())
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
	if _, err := group.Check(previous, previousRoster, signed, m.Roster); err != nil {
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
	c.server.log.put(authserver.GroupKey(name), signed.Encode())
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
