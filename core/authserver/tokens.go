package authserver

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/token"
)

// checkToken tells anybody whether a token holds.
func (c *caller) checkToken(ctx context.Context, m *pb.CheckToken) (*pb.TokenStatus, error) {
	name, err := account.ParseName(m.User)
	if err != nil {
		return nil, err
	}
	if len(m.TokenId) != len(token.ID{}) || len(m.Issuer) != len(event.Hash{}) {
		return nil, fault.New(fault.BadRequest, "a token has an id of %d bytes and an issuer's id of %d; %d and %d are needed", len(m.TokenId), len(m.Issuer), len(token.ID{}), len(event.Hash{}))
	}
	var d token.Delegation
	err = c.store.Look(ctx, func(t *accounts.Tx) (err error) {
		d, err = tokenOf(t, name, token.ID(m.TokenId), event.Hash(m.Issuer), c.now())
		return err
	})
	switch fault.CodeOf(err) {
	case "":
		ttl := min(goodTokenTTL, d.Expires.Sub(c.now()))
		return &pb.TokenStatus{TtlSeconds: uint32(ttl / time.Second)}, nil
	case fault.BadToken, fault.TokenRevoked, fault.TokenExpired:
		return &pb.TokenStatus{
			Refused: fault.From(err).Reason, Unknown: errors.Is(err, errUnknownToken), TtlSeconds: uint32(refusedTokenTTL / time.Second),
		}, nil
	}
	return nil, err
}

// present has the caller act with a token. Whatever it answers, he is nobody
// before.
func (c *caller) present(ctx context.Context, m *pb.Present) error {
	c.as = standing{}
	d, err := c.checkPresented(ctx, m)
	switch fault.CodeOf(err) {
	case "":
		c.as = standing{user: d.User, token: &d.ID}
	case fault.BadToken, fault.BadRequest, fault.TooLarge, fault.TokenRevoked, fault.TokenExpired:
		c.failures++
		c.log.Info("token refused", "from", c.from, "error", err)
	}
	return err
}

func (c *caller) checkPresented(ctx context.Context, m *pb.Present) (token.Delegation, error) {
	signed, err := account.SignedOf(m.Delegation)
	if err != nil {
		return token.Delegation{}, err
	}
	d, err := token.DelegationOf(signed)
	if err != nil {
		return token.Delegation{}, err
	}
	if err := token.VerifyPresent(d, m.PublicKey, c.binding[:], c.self.Public().Fingerprint(), m.Signature); err != nil {
		return token.Delegation{}, err
	}
	if !d.Account {
		return token.Delegation{}, fault.New(fault.NotAuthorized, "the token may write chains and does not speak for %s at the authentication server; make one that does", d.User)
	}
	err = c.store.Look(ctx, func(t *accounts.Tx) error {
		known, err := tokenOf(t, d.User, d.ID, d.Issuer.ID(), c.now())
		if err == nil && (known.Key != d.Key || !known.Account) {
			err = errUnknownToken
		}
		return err
	})
	return d, err
}

// registerToken makes a token known. The same request again is done again.
func (c *caller) registerToken(ctx context.Context, m *pb.RegisterToken) error {
	signed, err := account.SignedOf(m.Delegation)
	if err != nil {
		return err
	}
	d, err := token.DelegationOf(signed)
	if err != nil {
		return err
	}
	return c.store.Update(ctx, func(t *accounts.Tx) error {
		u, err := c.loggedIn(t)
		switch {
		case err != nil:
			return err
		case d.User != u.name || d.Issuer.ID() != u.advert.Signing.ID():
			return fault.New(fault.NotAuthorized, "the token acts for %s by key %s, and this connection is that of %s, whose key is %s", d.User, d.Issuer, u.name, u.advert.Signing)
		}
		if err := d.Check(c.now()); err != nil {
			return err
		}
		list, err := t.Tokens(string(u.name))
		if err != nil {
			return err
		}
		encoded := signed.Encode()
		if at, err := findToken(list, d.ID); err != nil || at >= 0 {
			if err == nil && !bytes.Equal(list[at].Delegation, encoded) {
				err = fault.New(fault.BadRequest, "another token with the id %s is registered", d.ID)
			}
			return err
		}
		if list, err = roomForToken(list, c.now()); err != nil {
			return err
		}
		t.PutTokens(string(u.name), append(list, &pb.TokenInfo{Delegation: encoded}))
		return nil
	})
}

// revokeToken ends one of the caller's user's tokens. The same request again is
// done again.
func (c *caller) revokeToken(ctx context.Context, m *pb.RevokeToken) error {
	if len(m.TokenId) != len(token.ID{}) {
		return fault.New(fault.BadRequest, "a token's id has %d bytes; %d are needed", len(m.TokenId), len(token.ID{}))
	}
	return c.store.Update(ctx, func(t *accounts.Tx) error {
		u, err := c.acting(t)
		if err != nil {
			return err
		}
		list, err := t.Tokens(string(u.name))
		if err != nil {
			return err
		}
		at, err := findToken(list, token.ID(m.TokenId))
		switch {
		case err != nil:
			return err
		case at < 0:
			return fault.New(fault.NotFound, "%s has no token with the id %s", u.name, token.ID(m.TokenId))
		case list[at].Revoked:
			return nil
		}
		list[at].Revoked = true
		t.PutTokens(string(u.name), list)
		return nil
	})
}

// listTokens tells of the tokens of the caller's user that are not expired.
func (c *caller) listTokens(ctx context.Context) (*pb.Tokens, error) {
	answer := new(pb.Tokens)
	err := c.store.Look(ctx, func(t *accounts.Tx) error {
		u, err := c.acting(t)
		if err != nil {
			return err
		}
		list, err := t.Tokens(string(u.name))
		if err != nil {
			return err
		}
		answer.Tokens, err = unexpired(list, c.now())
		return err
	})
	return answer, err
}
