package authserver

import (
	"context"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/known"
)

// LookUser returns a user's newest advert. A user whom the server does not know
// is a not_found fault.
//
// The advert is proven to stand in the server's log, which is proven to continue
// all that this client, and what Options.Heads remembers, has seen of it. It is
// signed by the key that it is about and, where the advert before is remembered,
// by the key of that. Whatever is otherwise is a forked fault: the server
// substituted the advert, rolled it back, or tells two stories.
func (c *Client) LookUser(ctx context.Context, name account.Name) (account.Advert, error) {
	advert, _, err := c.lookUser(ctx, name)
	return advert, err
}

func (c *Client) lookUser(ctx context.Context, name account.Name) (account.Advert, account.Signed, error) {
	signed, err := c.statement(ctx, name.String(), UserKey(name.String()))
	if err != nil {
		return account.Advert{}, account.Signed{}, err
	}
	return c.checkAdvert(name, signed)
}

// LookGroup returns a group's newest statement, of which the same holds as of
// [Client.LookUser]'s adverts.
func (c *Client) LookGroup(ctx context.Context, name string) (group.Statement, error) {
	signed, err := c.statement(ctx, name, GroupKey(name))
	if err != nil {
		return group.Statement{}, err
	}
	return c.checkGroup(name, signed)
}

// statement returns what the server's log says newest of an object. None is a
// not_found fault, unless something was shown of the name before.
func (c *Client) statement(ctx context.Context, name string, key []byte) (account.Signed, error) {
	data, err := c.newest(ctx, name, key)
	if err != nil {
		return account.Signed{}, err
	}
	if data == nil {
		if _, known, err := c.statements.LastStatement(c.url.Host, name); err != nil || known {
			return account.Signed{}, orElse(err, fault.New(fault.Forked, "%s has shown %s before, and now denies it: it was rolled back, or tells two stories", c.url.Host, name))
		}
		return account.Signed{}, fault.New(fault.NotFound, "the authentication server at %s knows nobody by the name %s", c.url.Host, name)
	}
	return account.ParseSigned(data)
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// checkAdvert returns what an advert says that the server has shown of a user,
// once it fits what was shown before, and remembers it.
func (c *Client) checkAdvert(name account.Name, signed account.Signed) (account.Advert, account.Signed, error) {
	advert, err := account.ParseAdvert(signed)
	if err == nil && advert.Name != name {
		err = fault.New(fault.Forked, "it is of %s", advert.Name)
	}
	if err != nil {
		return account.Advert{}, signed, fault.New(fault.Forked, "%s showed an advert of %s that is not one: %w", c.url.Host, name, err)
	}
	shown := shown{name: name.String(), signed: signed, number: advert.Number, previous: advert.Previous}
	return advert, signed, c.remember(shown, func(before account.Signed) error {
		_, err := account.CheckAdvert(&before, signed)
		return err
	})
}

// checkGroup is checkAdvert for groups.
func (c *Client) checkGroup(name string, signed account.Signed) (group.Statement, error) {
	statement, err := group.ParseStatement(signed)
	if err == nil && statement.Name != name {
		err = fault.New(fault.Forked, "it is of %s", statement.Name)
	}
	if err != nil {
		return group.Statement{}, fault.New(fault.Forked, "%s showed a statement of the group %s that is not one: %w", c.url.Host, name, err)
	}
	shown := shown{name: name, signed: signed, number: statement.Number, previous: statement.Previous}
	return statement, c.remember(shown, func(before account.Signed) error {
		_, err := group.CheckStatement(&before, signed)
		return err
	})
}

// shown is a good statement that the server has shown.
type shown struct {
	name     string
	signed   account.Signed
	number   uint64
	previous event.Hash
}

// remember remembers a statement that fits the one that is remembered: it is the
// same, or comes later. follows checks one that comes next.
func (c *Client) remember(s shown, follows func(before account.Signed) error) error {
	last, known, err := c.statements.LastStatement(c.url.Host, s.name)
	if err != nil {
		return err
	}
	if known {
		if err := s.fits(last, follows); err != nil {
			return fault.New(fault.Forked, "what %s says of %s contradicts what it said before: %w; ask its operator, and %s", c.url.Host, s.name, err, s.name)
		}
		if last.Number == s.number {
			return nil
		}
	}
	return c.statements.RememberStatement(c.url.Host, s.name, remembered(s))
}

func (s *shown) fits(last known.Statement, follows func(before account.Signed) error) error {
	before, err := account.ParseSigned(last.Encoded)
	switch {
	case err != nil:
		return err
	case s.number < last.Number:
		return fault.New(fault.Forked, "number %d is the newest, and number %d was", s.number, last.Number)
	case s.number == last.Number && s.signed.Hash() != before.Hash():
		return fault.New(fault.Forked, "there are two with the number %d", s.number)
	case s.number == last.Number+1 && s.previous != before.Hash():
		return fault.New(fault.Forked, "number %d follows another one than number %d that is known", s.number, last.Number)
	case s.number == last.Number+1:
		return follows(before)
	}
	return nil // the same, or of those in between nothing is known
}

func remembered(s shown) known.Statement {
	return known.Statement{Number: s.number, Encoded: s.signed.Encode()}
}
