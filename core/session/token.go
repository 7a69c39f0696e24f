package session

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/token"
)

// Tokens says whether tokens were revoked.
type Tokens interface {
	// Check returns until when a token, of which signature and times are good,
	// holds without being asked about again, or a fault that says why it does
	// not.
	Check(ctx context.Context, d token.Delegation) (until time.Time, err error)
}

// heldToken is a token that the client has shown.
type heldToken struct {
	token.Delegation
	until time.Time // when to look again whether it holds
}

// delegation returns what a token says, if it lets the key with this id write
// this chain now.
func (s *Session) delegation(encoded []byte, key event.Hash) (token.Delegation, error) {
	d, err := token.ParseDelegation(encoded)
	if err != nil {
		return d, err
	}
	genesis, _ := s.chain.Genesis()
	switch {
	case d.Key != key:
		return d, fault.New(fault.BadToken, "token %s is for another key than the one that it was shown with", d.ID)
	case !d.Covers(genesis.Name):
		return d, fault.New(fault.BadToken, "token %s of %s is not for chain %s; get one whose chains include it", d.ID, d.User, genesis.Name)
	}
	return d, d.Check(time.Now())
}

// hold has the connection count as the token's issuer's, once the client has
// proven the token's key.
func (s *Session) hold(ctx context.Context, d token.Delegation) error {
	until, err := s.options.Tokens.Check(ctx, d)
	if err != nil {
		return err
	}
	s.tokens = append(s.tokens, heldToken{d, until})
	return nil
}

// checkTokens looks whether the client's tokens still hold, as often as their
// answers want. One that does not is a fault: who writes with it must not go on
// as if nothing had happened.
func (s *Session) checkTokens(ctx context.Context) error {
	for i := range s.tokens {
		held := &s.tokens[i]
		now := time.Now()
		if now.Before(held.until) {
			continue
		}
		if err := held.Delegation.Check(now); err != nil {
			return err
		}
		until, err := s.options.Tokens.Check(ctx, held.Delegation)
		if err != nil {
			return err
		}
		held.until = until
	}
	return nil
}
