package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/token"
)

func newToken(set *settings) *cobra.Command {
	return set.addAuthFlag(newParent("token", "Make and revoke tokens that act for a user",
		"A token is keys of its own that may act for a user for a while, within what it is for. Give one to a program with ATE_TOKEN,\n"+
			"or as a file with --token-path, instead of a key.",
		newTokenNew(set), newTokenList(set), newTokenRevoke(set), newTokenShow(set)))
}

func newTokenNew(set *settings) *cobra.Command {
	var chains []string
	var o token.Options
	var output, user string
	cmd := &cobra.Command{
		Use:   "new",
		Short: "Make a token, and print it",
		Long: "New makes a token of who is logged in, or of --user, and prints its text; with --output it writes it to a file and prints its\n" +
			"id. It takes the user's passphrase. The text is as secret as a key, until it expires or is revoked.\n\n" + secretsHelp,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, text := range chains {
				scope, err := token.ParseScope(text)
				if err != nil {
					return usageError{err}
				}
				o.Chains = append(o.Chains, scope)
			}
			if len(o.Chains) == 0 && !o.Account {
				return usage("say what the token is for: which --chains, or --account; see %s --help", cmd.CommandPath())
			}
			name, err := userFlag(user)
			if err != nil {
				return err
			}
			return set.withLogin(cmd, name, func(ctx context.Context, s *authserver.Session) error {
				made, err := s.IssueToken(ctx, o)
				if err != nil {
					return err
				}
				if output == "" {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), made.Text())
					return err
				}
				if err := made.WriteFile(output); err != nil {
					_ = s.RevokeToken(ctx, made.Delegation.ID) // nobody has it
					return err
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), made.Delegation.ID)
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&chains, "chains", nil, "the `names` of the chains that it may write, or beginnings of names followed by *, as in example.com/joe/*,engineers/plans")
	flags.DurationVar(&o.For, "for", token.DefaultLife, "how long it may act, at most 2160h")
	flags.StringVar(&o.Label, "label", "", "what it is for, as ate token list shows it")
	flags.BoolVar(&o.Account, "account", false, "let it speak for the user at the authentication server: see and change groups, list and revoke tokens")
	flags.StringVarP(&output, "output", "o", "", "the `file` to write it to, for its owner alone, instead of printing it")
	flags.StringVar(&user, "user", "", "the `name` of whom it acts for (default: who is logged in)")
	return cmd
}

// ofUser is a part of help texts.
const ofUser = "With --user it is about another user, and takes his passphrase.\n\n" + secretsHelp

func newTokenList(set *settings) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the user's tokens, one a line",
		Long: "List lists the tokens of who is logged in, the first to expire first: id, good or revoked or expired, when it expires, the\n" +
			"chains that it may write, whether it may speak for the user (account or -), and its label, parted by tabs.\n" + ofUser,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return set.withUser(cmd, user, func(ctx context.Context, s *authserver.Session) error {
				all, err := s.Tokens(ctx)
				if err != nil {
					return err
				}
				slices.SortFunc(all, func(a, b authserver.TokenInfo) int {
					if c := a.Delegation.Expires.Compare(b.Delegation.Expires); c != 0 {
						return c
					}
					return strings.Compare(a.Delegation.ID.String(), b.Delegation.ID.String())
				})
				for _, t := range all {
					d := t.Delegation
					if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\t%s\t%s\t%s\t%s\n",
						d.ID, stateOf(t, now()), formatTime(d.Expires), scopes(d), accountOf(d), printable(d.Label)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	return addUserFlag(cmd, &user)
}

// addUserFlag adds the flag that says whose tokens a command is about.
func addUserFlag(cmd *cobra.Command, user *string) *cobra.Command {
	cmd.Flags().StringVar(user, "user", "", "the `name` of whose tokens they are (default: who is logged in)")
	return cmd
}

func stateOf(t authserver.TokenInfo, now time.Time) string {
	switch {
	case t.Revoked:
		return "revoked"
	case t.Delegation.Check(now) != nil:
		return "expired"
	}
	return "good"
}

func accountOf(d token.Delegation) string {
	if d.Account {
		return "account"
	}
	return "-"
}

func newTokenRevoke(set *settings) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "End a token before its time",
		Long:  "Revoke ends a token of who is logged in, wherever it is. A server that has just asked may let it write for half a minute more.\n" + ofUser,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("%s takes ID; see %[1]s --help", cmd.CommandPath())
			}
			if _, err := token.ParseID(args[0]); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := token.ParseID(args[0])
			if err != nil {
				return usageError{err}
			}
			return set.withUser(cmd, user, func(ctx context.Context, s *authserver.Session) error { return s.RevokeToken(ctx, id) })
		},
	}
	return addUserFlag(cmd, &user)
}

func newTokenShow(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Print what a token says, without its keys",
		Long: "Show prints what the token of --token, --token-path, ATE_TOKEN or the login says, a line each: id, user, server, the id of the\n" +
			"user's key that issued it, its own public line (to encrypt something to it), from and until when it may act, the chains that\n" +
			"it may write, whether it may speak for the user, and its label. It asks no server.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := set.holder()
			if err != nil {
				return err
			}
			t, d := h.login.Token, h.login.Token.Delegation
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "id\t%s\nuser\t%s\nserver\t%s\nissuer\t%s\npublic\t%s\nfrom\t%s\nexpires\t%s\nchains\t%s\naccount\t%s\nlabel\t%s\n",
				d.ID, d.User, t.Server, d.Issuer, keys.PublicIdentity{Name: "token", Signing: t.Signing.Public(), Read: t.Read.Public()}.Text(), formatTime(d.NotBefore), formatTime(d.Expires), scopes(d), accountOf(d), printable(d.Label))
			return err
		},
	}
}
