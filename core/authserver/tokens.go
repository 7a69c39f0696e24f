package authserver

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/token"
)

// registered is what is looked at in a registered token to find it.
type registered struct {
	id      token.ID
	expires time.Time
}

// readRegistered reads it without checking the signature, which was checked when
// the token was registered.
func readRegistered(info *pb.TokenInfo) (registered, error) {
	signed, err := account.ParseSigned(info.Delegation)
	if err != nil {
		return registered{}, err
	}
	var d accountpb.Delegation
	if err := d.UnmarshalVTUnsafe(signed.Statement); err != nil || len(d.Id) != len(token.ID{}) {
		return registered{}, fault.New(fault.Damaged, "a registered token cannot be read")
	}
	return registered{token.ID(d.Id), time.Unix(d.Expires, 0)}, nil
}

// findToken returns a user's registered token, -1 for its place if there is none
// with the id.
func findToken(list []*pb.TokenInfo, id token.ID) (int, error) {
	for i, info := range list {
		if r, err := readRegistered(info); err != nil || r.id == id {
			return i, err
		}
	}
	return -1, nil
}

// standingToken returns the delegation of a token if it holds now: the user, who
// has this key now, has issued and registered it, and it is neither revoked nor
// expired. Otherwise the error is a fault with the code bad_token, token_revoked
// or token_expired.
func standingToken(t *accounts.Tx, name account.Name, key event.Hash, id token.ID, now time.Time) (token.Delegation, error) {
	list, err := t.Tokens(string(name))
	if err != nil {
		return token.Delegation{}, err
	}
	at, err := findToken(list, id)
	switch {
	case err != nil:
		return token.Delegation{}, err
	case at < 0:
		return token.Delegation{}, errUnknownToken
	case list[at].Revoked:
		return token.Delegation{}, fault.New(fault.TokenRevoked, "the token %s was revoked; get a new one with: ate login", id)
	}
	d, err := token.ParseDelegation(list[at].Delegation)
	if err != nil {
		return token.Delegation{}, err
	}
	if err := d.Check(now); err != nil {
		return token.Delegation{}, err
	}
	if d.Issuer.ID() != key {
		return token.Delegation{}, fault.New(fault.TokenRevoked, "the token %s was issued by a key that %s no longer has; get a new one with: ate login", id, name)
	}
	return d, nil
}

var errUnknownToken = fault.New(fault.BadToken, "the token is not registered at this authentication server, or no longer; get a new one with: ate login")

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
		return &pb.TokenStatus{Refused: fault.From(err).Reason, TtlSeconds: uint32(refusedTokenTTL / time.Second)}, nil
	}
	return nil, err
}

// tokenOf is standingToken for who does not know the user's key, but one that
// issued the token.
func tokenOf(t *accounts.Tx, name account.Name, id token.ID, issuer event.Hash, now time.Time) (token.Delegation, error) {
	encoded, err := t.Advert(string(name))
	if err != nil {
		return token.Delegation{}, err
	}
	if encoded == nil {
		return token.Delegation{}, errUnknownToken
	}
	advert, err := parseAdvert(encoded)
	if err != nil {
		return token.Delegation{}, damaged(name, err)
	}
	d, err := standingToken(t, name, advert.Signing.ID(), id, now)
	if err == nil && d.Issuer.ID() != issuer {
		err = errUnknownToken
	}
	return d, err
}

func parseAdvert(encoded []byte) (account.Advert, error) {
	signed, err := account.ParseSigned(encoded)
	if err != nil {
		return account.Advert{}, err
	}
	return account.ParseAdvert(signed)
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

// roomForToken returns the tokens without those that are expired and, if that is
// not enough, without the one that was revoked first: what is not registered does
// not hold either.
func roomForToken(list []*pb.TokenInfo, now time.Time) ([]*pb.TokenInfo, error) {
	list, err := unexpired(list, now)
	if err != nil || len(list) < accounts.MaxTokens {
		return list, err
	}
	revoked := slices.IndexFunc(list, func(info *pb.TokenInfo) bool { return info.Revoked })
	if revoked < 0 {
		return nil, fault.New(fault.Overloaded, "%d tokens are registered, which is the most allowed; revoke one", len(list))
	}
	return slices.Delete(list, revoked, revoked+1), nil
}

func unexpired(list []*pb.TokenInfo, now time.Time) (kept []*pb.TokenInfo, err error) {
	for _, info := range list {
		r, err := readRegistered(info)
		if err != nil {
			return nil, err
		}
		if now.Before(r.expires) {
			kept = append(kept, info)
		}
	}
	return kept, nil
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
