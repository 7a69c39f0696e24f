package authserver

import (
	"context"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/known"
)

// LookUser returns a user's newest advert. A user whom the server does not know
// is a not_found fault.
//
// The advert is proven to stand in the server's log, which is proven to continue
// all that this client, and what Options.Heads remembers, has seen of it. It is
// signed by the key that it is about. If an earlier one is remembered, each from
// that to the newest is checked to be signed by the key of the one before.
// Whatever is otherwise is a forked fault: the server substituted an advert,
// rolled it back, hides one, or tells two stories.
//
// More than MaxLinks between the two are an overloaded fault; the next call goes
// on where it ended.
func (c *Client) LookUser(ctx context.Context, name account.Name) (account.Advert, error) {
	advert, _, err := c.lookUser(ctx, name)
	return advert, err
}

func (c *Client) lookUser(ctx context.Context, name account.Name) (account.Advert, account.Signed, error) {
	return newest(ctx, c, adverts, name.String())
}

// LookGroup returns a group's newest statement, of which the same holds as of
// [Client.LookUser]'s adverts.
func (c *Client) LookGroup(ctx context.Context, name string) (group.Statement, error) {
	statement, _, err := c.lookGroup(ctx, name)
	return statement, err
}

func (c *Client) lookGroup(ctx context.Context, name string) (group.Statement, account.Signed, error) {
	return newest(ctx, c, groupStatements, name)
}

// kind is a kind of statement, each of which follows the one before.
type kind[S any] struct {
	object func(name string) []byte // key of the object of the newest
	parse  func(account.Signed) (S, error)
	follow func(previous *account.Signed, next account.Signed) (S, error)
	place  func(S) (name string, number uint64)
}

var (
	adverts = kind[account.Advert]{UserKey, account.ParseAdvert, account.CheckAdvert,
		func(a account.Advert) (string, uint64) { return a.Name.String(), a.Number }}
	groupStatements = kind[group.Statement]{GroupKey, group.ParseStatement, group.CheckStatement,
		func(s group.Statement) (string, uint64) { return s.Name, s.Number }}
)

// newest returns the newest statement that the server shows of a name and what it
// says, once it is checked step by step from the one that is remembered, and
// remembers it.
func newest[S any](ctx context.Context, c *Client, k kind[S], name string) (says S, signed account.Signed, err error) {
	w := walk[S]{client: c, kind: k, name: name}
	if err = w.begin(); err != nil {
		return says, signed, err
	}
	for arrived := false; !arrived; {
		shown, err := c.shown(ctx, name, k.object(name), w.next())
		if err != nil {
			_ = w.rest() // the error before it is the one to tell
			return says, signed, err
		}
		if says, signed, err = w.parseNewest(shown.newest); err != nil {
			return says, signed, err
		}
		if arrived, err = w.goOn(says, signed, shown.earlier); err != nil {
			var none S
			return none, account.Signed{}, err
		}
	}
	return says, signed, nil
}

// walk goes from the statement of a name that is remembered to the newest, and
// checks each step.
type walk[S any] struct {
	client *Client
	kind   kind[S]
	name   string
	known  bool           // whether there is one that is good
	at     account.Signed // the newest that is known to be good
	number uint64         // of it
	steps  int
}

func (w *walk[S]) begin() error {
	last, known, err := w.client.statements.LastStatement(w.client.url.Host, w.name)
	if err != nil || !known {
		return err
	}
	if w.at, err = account.ParseSigned(last.Encoded); err != nil {
		return fault.New(fault.Damaged, "what is remembered of %s at %s cannot be read: %w", w.name, w.client.url.Host, err)
	}
	w.known, w.number = true, last.Number
	return nil
}

// next returns the number of the next statement, 0 if it does not matter which.
func (w *walk[S]) next() uint64 {
	if !w.known {
		return 0
	}
	return w.number + 1
}

// parseNewest returns what the newest statement says, from its event's data. None
// is a not_found fault, unless something was shown of the name before.
func (w *walk[S]) parseNewest(data []byte) (says S, signed account.Signed, err error) {
	host := w.client.url.Host
	switch {
	case data == nil && w.known:
		return says, signed, fault.New(fault.Forked, "%s has shown %s before, and now denies it: it was rolled back, or tells two stories", host, w.name)
	case data == nil:
		return says, signed, fault.New(fault.NotFound, "the authentication server at %s knows nobody by the name %s", host, w.name)
	}
	if signed, err = account.ParseSigned(data); err == nil {
		says, err = w.kind.parse(signed)
	}
	if name, _ := w.kind.place(says); err == nil && name != w.name {
		err = fault.New(fault.Forked, "it is of %s", name)
	}
	if err != nil {
		var none S
		return none, account.Signed{}, fault.New(fault.Forked, "what %s shows of %s is no statement of it: %w", host, w.name, err)
	}
	return says, signed, nil
}

// goOn goes on over the earlier statements that the server shows to the newest. It
// reports whether it has arrived there, and remembers that; if not, the server has
// more to show.
func (w *walk[S]) goOn(says S, newest account.Signed, earlier [][]byte) (arrived bool, err error) {
	_, number := w.kind.place(says)
	switch {
	case !w.known:
		w.at, w.number = newest, number
		return true, w.remember()
	case number < w.number:
		return false, w.contradiction(fault.New(fault.Forked, "number %d is the newest, and number %d was", number, w.number))
	case number == w.number && newest.Hash() != w.at.Hash():
		return false, w.contradiction(fault.New(fault.Forked, "there are two with the number %d", number))
	case number == w.number:
		return true, nil
	}
	for _, data := range earlier {
		signed, err := account.ParseSigned(data)
		if err == nil {
			err = w.step(signed)
		}
		if err != nil {
			return false, w.contradiction(err)
		}
	}
	switch {
	case w.number+1 >= number:
		if err := w.step(newest); err != nil {
			return false, w.contradiction(err)
		}
		return true, w.remember()
	case len(earlier) == 0:
		return false, fault.New(fault.Forked, "%s shows number %d of %s, and not number %d, which would show that it continues number %d that was shown before: it hides number %d, or is one of before servers kept them; docs/accounts.md says how to begin anew with %s",
			w.client.url.Host, number, w.name, w.number+1, w.number, w.number+1, w.name)
	case w.steps >= MaxLinks:
		return false, orElse(w.rest(), fault.New(fault.Overloaded, "%s has changed %d times since it was last looked up at %s, and %d of the changes are checked; look it up again to go on", w.name, number-w.number+uint64(w.steps), w.client.url.Host, w.steps))
	}
	return false, nil
}

// step goes on to the next statement.
func (w *walk[S]) step(next account.Signed) error {
	if _, err := w.kind.follow(&w.at, next); err != nil {
		return err
	}
	w.at = next
	w.number++
	w.steps++
	return nil
}

// rest remembers how far the walk has come, so that another one goes on from there.
func (w *walk[S]) rest() error {
	if w.steps == 0 {
		return nil
	}
	return w.remember()
}

func (w *walk[S]) remember() error {
	return w.client.statements.RememberStatement(w.client.url.Host, w.name, known.Statement{Number: w.number, Encoded: w.at.Encode()})
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func (w *walk[S]) contradiction(err error) error {
	return fault.New(fault.Forked, "what %s says of %s contradicts what it said before: %w; ask its operator, and %s", w.client.url.Host, w.name, err, w.name)
}
