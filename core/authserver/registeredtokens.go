package authserver

import (
	"errors"
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
		return token.Delegation{}, errNotRegistered
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

// Of these the first is about a token that, as far as the server can tell, is
// another server's: no user here has the key that issued it.
var (
	errUnknownToken  = fault.New(fault.BadToken, "the token is not registered at this authentication server; get a new one with: ate login")
	errNotRegistered = fault.New(fault.BadToken, "the token is not registered at this authentication server, or no longer; get a new one with: ate login")
)

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
	if err == nil && d.Issuer.ID() != issuer || errors.Is(err, errNotRegistered) && advert.Signing.ID() != issuer {
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
