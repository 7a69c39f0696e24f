package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/ate/internal/loginfile"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/token"
)

// holder is the token that commands at the authentication server use.
type holder struct {
	login   *loginfile.Login // without read keys, if it is not what ate login left
	isLogin bool
}

// holder returns the token of the flags, of the environment, or of the login. No
// token is a needs_login fault.
func (set *settings) holder() (holder, error) {
	if set.key != "" {
		return holder{}, usage("--key does not speak for a user at an authentication server; log in with ate login, or give a token")
	}
	given, err := set.givenToken()
	if err != nil {
		return holder{}, err
	}
	if given != nil {
		return holder{login: &loginfile.Login{Token: given}}, nil
	}
	login, err := readLogin()
	if err != nil {
		return holder{}, err
	}
	if login == nil {
		return holder{}, fault.New(fault.NeedsLogin, "nobody is logged in; log in with: ate login NAME")
	}
	return holder{login, true}, nil
}

// withHolder does something at the authentication server as the user of a token,
// or of the login.
func (set *settings) withHolder(cmd *cobra.Command, do func(context.Context, *authserver.Session) error) error {
	h, err := set.holder()
	if err != nil {
		return err
	}
	if err := set.sameServer(h.login.Token); err != nil {
		return err
	}
	user := h.login.Token.Delegation.User
	err = set.withServer(cmd.Context(), h.login.Token.Server, func(ctx context.Context, c *authserver.Client) error {
		s, err := c.Present(ctx, h.login.Token, h.login.Readers...)
		if err != nil {
			return err
		}
		return do(ctx, s)
	})
	switch {
	case fault.Is(err, fault.Unavailable):
		return explain(err, "asking the authentication server %s (from the token of %s)", h.login.Token.Server, user)
	case h.isLogin && (fault.Is(err, fault.TokenExpired) || fault.Is(err, fault.TokenRevoked)):
		return explain(err, "the login of %s is over; log in again with: ate login %[1]s", user)
	}
	return err
}

// sameServer refuses to show a token to another server than the one that it is
// of.
func (set *settings) sameServer(t *token.Token) error {
	url, from := set.auth, "--auth"
	if url == "" {
		url, from = os.Getenv(authVariable), authVariable
	}
	if url == "" {
		return nil
	}
	asked, err := authserver.ParseURL(url)
	if err != nil {
		return usageError{explain(err, "the authentication server of %s", from)}
	}
	if of, err := authserver.ParseURL(t.Server); err == nil && of.Host == asked.Host {
		return nil
	}
	return usage("%s is %s, and the token of %s is of %s; log in there, or leave %[1]s out", from, url, t.Delegation.User, t.Server)
}

// withUser does something at the authentication server as a user who logs in with
// his passphrase or, if none is named, as withHolder does.
func (set *settings) withUser(cmd *cobra.Command, user string, do func(context.Context, *authserver.Session) error) error {
	if user == "" {
		return set.withHolder(cmd, do)
	}
	name, err := userFlag(user)
	if err != nil {
		return err
	}
	return set.withLogin(cmd, name, do)
}

// userFlag returns the user whom a flag names, or else who logged in.
func userFlag(user string) (account.Name, error) {
	if user == "" {
		return userArg(nil)
	}
	return userArg([]string{user})
}

// userArg returns the user whom a command is about: named in its arguments, or
// who logged in.
func userArg(args []string) (account.Name, error) {
	if len(args) > 0 {
		name, err := account.ParseName(args[0])
		if err != nil {
			return "", usageError{err}
		}
		return name, nil
	}
	login, err := readLogin()
	if err != nil {
		return "", err
	}
	if login == nil {
		return "", usage("say whom, as in joe@example.com, or log in first with ate login")
	}
	return login.Token.Delegation.User, nil
}
