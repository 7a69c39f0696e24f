package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/ate/internal/loginfile"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys/keyfile"
	"github.com/atedb/atedb/sdk/token"
)

func newLogout(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "logout",
		Short: "End the login",
		Long:  "Logout removes what ate login left, and has the authentication server revoke the token, so that a copy of it is of no use.",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, err := loginfile.DefaultFolder()
			if err != nil {
				return err
			}
			login, err := folder.Read()
			if err != nil {
				return err
			}
			if login == nil {
				return fault.New(fault.NotFound, "nobody is logged in")
			}
			if err := folder.Remove(); err != nil {
				return err
			}
			return set.revokeLogin(cmd, login)
		},
	}
}

// revokeLogin has the server revoke the token of a login that was removed. One
// that is over already is done.
func (set *settings) revokeLogin(cmd *cobra.Command, login *loginfile.Login) error {
	d := login.Token.Delegation
	err := set.withServer(cmd.Context(), login.Token.Server, func(ctx context.Context, c *authserver.Client) error {
		s, err := c.Present(ctx, login.Token)
		if err != nil {
			return err
		}
		return s.RevokeToken(ctx, d.ID)
	})
	if err == nil || fault.Is(err, fault.TokenExpired) || fault.Is(err, fault.TokenRevoked) {
		return nil
	}
	return explain(err, "the login was removed here, and %s could not be told, where its token %s is good until %s", login.Token.Server, d.ID, formatTime(d.Expires))
}

func newWhoami(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "whoami",
		Short: "Print whom commands act as",
		Long: "Whoami prints whom commands act as, a line each for what there is of: user, server, key (the id of what signs for him),\n" +
			"expires and chains of a token or of the login; or name and key of a key file. It asks no server.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if set.key == "" {
				h, err := set.holder()
				if err == nil {
					return printHolder(out, h.login.Token)
				}
				if !fault.Is(err, fault.NeedsLogin) {
					return err
				}
			}
			folder, err := keyfile.DefaultFolder()
			if err != nil {
				return err
			}
			name := set.key
			if name == "" {
				name = defaultKey
			}
			file, err := folder.Read(name)
			if set.key == "" && fault.Is(err, fault.NotFound) {
				return fault.New(fault.NotFound, "commands act as nobody; log in with ate login, or make a key with ate key new")
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "name\t%s\nkey\t%s\n", file.Public.Name, file.Public.Signing)
			return err
		},
	}
}

func printHolder(out io.Writer, t *token.Token) error {
	d := t.Delegation
	_, err := fmt.Fprintf(out, "user\t%s\nserver\t%s\nkey\t%s\nexpires\t%s\nchains\t%s\n", d.User, t.Server, d.Issuer, formatTime(d.Expires), scopes(d))
	return err
}

// scopes returns the chains that a token may write, "-" for none.
func scopes(d token.Delegation) string {
	if len(d.Chains) == 0 {
		return "-"
	}
	all := make([]string, len(d.Chains))
	for i, scope := range d.Chains {
		all[i] = string(scope)
	}
	return strings.Join(all, ",")
}
