package authserver

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/token"
)

// maxTokens bounds a list of tokens: more than a user may have.
const maxTokens = 1000

// CheckToken asks whether a token was issued and not revoked since.
func (c *Client) CheckToken(ctx context.Context, user account.Name, id token.ID, issuer event.Hash) (auth.TokenAnswer, error) {
	reply, err := c.ask(ctx, &authserverpb.Request{Ask: &authserverpb.Request_CheckToken{CheckToken: &authserverpb.CheckToken{
		User: user.String(), TokenId: id[:], Issuer: issuer[:],
	}}})
	if err != nil {
		return auth.TokenAnswer{}, err
	}
	status, err := expect(reply.GetTokenStatus())
	if err != nil {
		return auth.TokenAnswer{}, err
	}
	return auth.TokenAnswer{
		Refused: status.Refused[:min(len(status.Refused), MaxReason)], Unknown: status.Unknown && status.Refused != "",
		TTL: min(time.Duration(status.TtlSeconds)*time.Second, auth.MaxTTL),
	}, nil
}

// Present has the connection act with a token. readers are keys of the user that
// his groups' keys may be sealed to, the newest last; without one the session
// knows of groups only what everybody may.
func (c *Client) Present(ctx context.Context, t *token.Token, readers ...*keys.ReadKey) (*Session, error) {
	if err := c.provable(); err != nil {
		return nil, err
	}
	if err := t.Delegation.Check(time.Now()); err != nil {
		return nil, err
	}
	err := c.do(ctx, &authserverpb.Request{Ask: &authserverpb.Request_Present{Present: &authserverpb.Present{
		Delegation: t.Signed.Proto(), PublicKey: t.Signing.Public().Bytes(),
		Signature: t.SignPresent(c.greeting.Binding[:], c.greeting.Server.Fingerprint),
	}}})
	if err != nil {
		return nil, err
	}
	return &Session{Client: c, user: t.Delegation.User, readers: readers}, nil
}

// IssueToken makes a token and has the server know it. It needs a login.
func (s *Session) IssueToken(ctx context.Context, o token.Options) (*token.Token, error) {
	if s.login == nil {
		_, err := s.fresh()
		return nil, err
	}
	server := s.url
	if s.greeting.Server.Proven {
		server.Fingerprint = s.greeting.Server.Fingerprint.String()
	}
	t, err := token.New(s.login.opened.Newest().Signing, s.user, server.String(), o, time.Now())
	if err != nil {
		return nil, err
	}
	return t, s.do(ctx, &authserverpb.Request{Ask: &authserverpb.Request_RegisterToken{RegisterToken: &authserverpb.RegisterToken{
		Delegation: t.Signed.Proto(),
	}}})
}

// RevokeToken ends one of the user's tokens, wherever it is.
func (s *Session) RevokeToken(ctx context.Context, id token.ID) error {
	return s.do(ctx, &authserverpb.Request{Ask: &authserverpb.Request_RevokeToken{RevokeToken: &authserverpb.RevokeToken{TokenId: id[:]}}})
}

// TokenInfo is a token that the server knows.
type TokenInfo struct {
	Delegation token.Delegation
	Revoked    bool
}

// Tokens returns the user's tokens that have not expired, and those that were
// revoked.
func (s *Session) Tokens(ctx context.Context) ([]TokenInfo, error) {
	reply, err := s.ask(ctx, &authserverpb.Request{Ask: &authserverpb.Request_ListTokens{ListTokens: &authserverpb.ListTokens{}}})
	if err != nil {
		return nil, err
	}
	list, err := expect(reply.GetTokens())
	if err != nil {
		return nil, err
	}
	if len(list.Tokens) > maxTokens {
		return nil, fault.New(fault.BadMessage, "%s lists %d tokens; nobody has more than %d", s.url.Host, len(list.Tokens), maxTokens)
	}
	var all []TokenInfo
	for _, m := range list.Tokens {
		d, err := token.ParseDelegation(m.Delegation)
		if err == nil && d.User != s.user {
			err = fault.New(fault.BadToken, "%s lists a token of %s among those of %s", s.url.Host, d.User, s.user)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, TokenInfo{Delegation: d, Revoked: m.Revoked})
	}
	return all, nil
}
