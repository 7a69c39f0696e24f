package authservertest

import (
	"slices"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
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
		status := c.server.accounts.status(account.Name(m.User), token.ID(m.TokenId), event.Hash(m.Issuer))
		reply.Answer = &authserverpb.Reply_TokenStatus{TokenStatus: status}
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
	return c.server.log.look(c.server.identity, key, m)
}
