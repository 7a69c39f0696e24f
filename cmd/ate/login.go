package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/ate/internal/loginfile"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/token"
)

// Of the token that a login leaves.
const (
	loginLife  = 12 * time.Hour
	loginLabel = "ate login"
)

func newLogin(set *settings) *cobra.Command {
	var life time.Duration
	var saveKey string
	cmd := &cobra.Command{
		Use:   "login NAME",
		Short: "Log in, so that commands act as a user",
		Long: "Login logs a user such as joe@example.com in at the authentication server, and leaves in $ATE_HOME/login a token, which\n" +
			"may write the user's chains and speak for him at that server for a while, and his read keys. His signing key is not kept,\n" +
			"unless --save-key writes it to a key file, protected with a passphrase, as ate key new does.\n" +
			"It prints the user, the server, and until when the login lasts, parted by tabs.\n\n" +
			secretsHelp,
		Args: userArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := userArg(args)
			if err != nil {
				return err
			}
			save, err := newSavedKey(cmd.Context(), saveKey)
			if err != nil {
				return err
			}
			before, err := readLogin()
			if err != nil {
				return err
			}
			var login *loginfile.Login
			err = set.withLogin(cmd, name, func(ctx context.Context, s *authserver.Session) error {
				if err := save.write(s.Keys()[len(s.Keys())-1]); err != nil {
					return err
				}
				login, err = leaveLogin(ctx, s, life, before)
				return err
			})
			if err != nil {
				return err
			}
			d := login.Token.Delegation
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\t%s\n", d.User, login.Token.Server, formatTime(d.Expires))
			return err
		},
	}
	cmd.Flags().DurationVar(&life, "for", loginLife, "how long the login lasts")
	cmd.Flags().StringVar(&saveKey, "save-key", "", "keep the user's keys in the key file of this `name` too")
	return set.addAuthFlag(cmd)
}

// secretsHelp is a part of help texts.
const secretsHelp = "What is secret is asked for at the terminal, unless the environment has it: " + passphraseVariable + ", " + totpVariable + " for a\ntime-based code, " +
	newPassphraseVariable + " for a passphrase to be, " + recoveryVariable + " for a recovery code."

// userArgs checks a command's arguments, of which the first is a user.
func userArgs(atLeast, atMost int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < atLeast || len(args) > atMost {
			return usage("%s takes %s; see %s --help", cmd.CommandPath(), cmd.Use[len(cmd.Name())+1:], cmd.CommandPath())
		}
		if len(args) > 0 {
			if _, err := account.ParseName(args[0]); err != nil {
				return usageError{err}
			}
		}
		return nil
	}
}

// leaveLogin issues a token and keeps it with the user's read keys. The token of
// the login before is revoked if it was this user's.
func leaveLogin(ctx context.Context, s *authserver.Session, life time.Duration, before *loginfile.Login) (*loginfile.Login, error) {
	folder, err := loginfile.DefaultFolder()
	if err != nil {
		return nil, err
	}
	own, err := token.ParseScope(s.User().Domain() + "/" + s.User().User() + "/*")
	if err != nil {
		return nil, err
	}
	issued, err := s.IssueToken(ctx, token.Options{Chains: []token.Scope{own}, Account: true, Label: loginLabel, For: life})
	if err != nil {
		return nil, err
	}
	login := &loginfile.Login{Token: issued}
	for _, id := range s.Keys() {
		login.Readers = append(login.Readers, id.Read)
	}
	if err := folder.Write(login); err != nil {
		// Nobody has the token; that it stays registered is no harm, and the error is the one to tell.
		_ = s.RevokeToken(ctx, issued.Delegation.ID)
		return nil, err
	}
	if before != nil && before.Token.Delegation.User == s.User() {
		// It may be of another server, or over: then there is nothing to revoke.
		_ = s.RevokeToken(ctx, before.Token.Delegation.ID)
	}
	return login, nil
}

// renewLogin leaves a login in the place of one whose token new keys have ended,
// for the rest of its time. One that is over stays over.
func renewLogin(ctx context.Context, s *authserver.Session, before *loginfile.Login) error {
	left := before.Token.Delegation.Expires.Sub(now()).Truncate(time.Second)
	if left < time.Second {
		return nil
	}
	_, err := leaveLogin(ctx, s, left, nil)
	return err
}
