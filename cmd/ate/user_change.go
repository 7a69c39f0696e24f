package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/authserver"
)

func newUserRotate(set *settings) *cobra.Command {
	var saveOld string
	cmd := &cobra.Command{
		Use:   "rotate [NAME]",
		Short: "Give a user new keys",
		Long: "Rotate gives a user new keys, and prints the id of the new one that signs. The old ones still read what was encrypted to them.\n" +
			"Tokens that they issued are over, and a login of the user is renewed. A chain keeps its owner: what the old key owns, it\n" +
			"hands over with ate owner --key, for which --save-old-key keeps it in a key file, protected with a passphrase.",
		Args: userArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := userArg(args)
			if err != nil {
				return err
			}
			save, err := newSavedKey(cmd.Context(), saveOld)
			if err != nil {
				return err
			}
			login, err := readLogin()
			if err != nil {
				return err
			}
			return set.withLogin(cmd, name, func(ctx context.Context, s *authserver.Session) error {
				if err := save.write(s.Keys()[len(s.Keys())-1]); err != nil {
					return err
				}
				if err := s.RotateKeys(ctx); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "key\t%s\n", s.Keys()[len(s.Keys())-1].Signing.Public()); err != nil {
					return err
				}
				if login == nil || login.Token.Delegation.User != name {
					return nil
				}
				return renewLogin(ctx, s, login)
			})
		},
	}
	cmd.Flags().StringVar(&saveOld, "save-old-key", "", "keep the old keys in the key file of this `name`")
	return cmd
}

func newUserPassphrase(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "passphrase [NAME]",
		Short: "Change a user's passphrase, and print the new recovery code",
		Long: "Passphrase has another passphrase open the user's keys, and prints a new recovery code. The old ones open nothing more.\n" +
			"Tokens and logins that are there stay good; ate user rotate ends them.",
		Args: userArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := userArg(args)
			if err != nil {
				return err
			}
			passphrase, err := newUserSecret(cmd.Context(), name, newPassphraseVariable)
			if err != nil {
				return err
			}
			return set.withLogin(cmd, name, func(ctx context.Context, s *authserver.Session) error {
				code, err := s.ChangePassphrase(ctx, passphrase)
				if err != nil {
					return err
				}
				return printRecovery(cmd, code)
			})
		},
	}
}

func newUserRecover(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "recover NAME",
		Short: "Set a new passphrase with the recovery code",
		Long: "Recover sets a new passphrase of a user who has lost his, with the recovery code, and prints a new code: the old one opens\n" +
			"nothing more. Logins need no time-based codes from then on, until they are enabled again.",
		Args: userArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := userArg(args)
			if err != nil {
				return err
			}
			code, err := question{
				what: "the recovery code of " + name.String(), prompt: "Recovery code of " + name.String() + ": ", variables: []string{recoveryVariable},
			}.answer(cmd.Context())
			if err != nil {
				return err
			}
			passphrase, err := newUserSecret(cmd.Context(), name, newPassphraseVariable)
			if err != nil {
				return err
			}
			return set.withAuth(cmd, func(ctx context.Context, c *authserver.Client) error {
				_, next, err := c.Recover(ctx, name, code, passphrase)
				if err != nil {
					return err
				}
				return printRecovery(cmd, next)
			})
		},
	}
}
