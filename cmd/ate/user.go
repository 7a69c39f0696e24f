package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/keys"
)

func newUser(set *settings) *cobra.Command {
	return set.addAuthFlag(newParent("user", "Make and change users at an authentication server",
		"A user such as joe@example.com owns the chains under example.com/joe. His keys are made here; the authentication server keeps\n"+
			"them so that only the passphrase opens them, or the recovery code, and shows their public halves to everybody.\n"+
			"Without NAME a command is about who is logged in.\n\n"+secretsHelp,
		newUserCreate(set), newUserDetails(set), newUserRotate(set), newUserPassphrase(set), newUserRecover(set), newUserTOTP(set)))
}

func newUserCreate(set *settings) *cobra.Command {
	var invite string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a user, and print the recovery code",
		Long: "Create makes a user with new keys, and prints a line each: the user's name, the id of the key that signs, and the recovery\n" +
			"code, which is shown this once.",
		Args: userArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := userArg(args)
			if err != nil {
				return err
			}
			passphrase, err := newUserSecret(cmd.Context(), name, newPassphraseVariable, passphraseVariable)
			if err != nil {
				return err
			}
			return set.withAuth(cmd, func(ctx context.Context, c *authserver.Client) error {
				created, err := c.CreateUser(ctx, name, passphrase, invite)
				if created.Keys == nil {
					return err
				}
				if _, printErr := fmt.Fprintf(cmd.OutOrStdout(), "name\t%s\nkey\t%s\n", name, created.Keys.Signing.Public()); printErr != nil && err == nil {
					err = printErr
				}
				if codeErr := printRecovery(cmd, created.RecoveryCode); err == nil {
					err = codeErr
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&invite, "invite", "", "the `code` that the server's operator gave you, if it asks for one")
	return cmd
}

// newUserSecret returns a passphrase to be, which the first of these variables
// that is set has.
func newUserSecret(ctx context.Context, name account.Name, variables ...string) (string, error) {
	return question{
		what: "a new passphrase of " + name.String(), prompt: "New passphrase of " + name.String() + ": ", variables: variables, twice: true,
	}.answer(ctx)
}

// printRecovery prints a recovery code, and what it is for.
func printRecovery(cmd *cobra.Command, code string) error {
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "recovery\t%s\n", code); err != nil {
		return err
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "Write the recovery code down now, and keep it apart from the passphrase. It is not shown again; who has it can take the user over.")
	return nil
}

func newUserDetails(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "details [NAME]",
		Short: "Print whose keys are a user's",
		Long: "Details prints what everybody may know of a user, a line each: name, the ids of what signs and what reads, how many times\n" +
			"there were new keys, since when these are the user's, and the public line to give to others.\n" +
			"Without NAME it prints more of who is logged in: since when there is the user, whether a login needs time-based codes, and\n" +
			"the groups that he is in.",
		Args: userArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return set.withHolder(cmd, func(ctx context.Context, s *authserver.Session) error {
					details, err := s.Details(ctx)
					if err != nil {
						return err
					}
					return printDetails(cmd, details)
				})
			}
			name, err := userArg(args)
			if err != nil {
				return err
			}
			return set.withAuth(cmd, func(ctx context.Context, c *authserver.Client) error {
				advert, err := c.LookUser(ctx, name)
				if err != nil {
					return err
				}
				return printAdvert(cmd, advert)
			})
		},
	}
}

func printAdvert(cmd *cobra.Command, a account.Advert) error {
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "name\t%s\nsigning\t%s\nreading\t%s\nchanges\t%d\nsince\t%s\n", a.Name, a.Signing, a.Read, a.Number, formatTime(a.Created))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "public\t%s\n", keys.PublicIdentity{Name: keyName(a.Name), Signing: a.Signing, Read: a.Read}.Text())
	return err
}

// keyName returns a user's name as the label of a public identity, which may have
// fewer characters.
func keyName(name account.Name) string {
	if keys.CheckName(name.String()) == nil {
		return name.String()
	}
	return "user"
}

func printDetails(cmd *cobra.Command, d authserver.Details) error {
	if err := printAdvert(cmd, d.Advert); err != nil {
		return err
	}
	codes, groups := "no", "-"
	if d.TOTP {
		codes = "yes"
	}
	if len(d.Groups) > 0 {
		groups = strings.Join(d.Groups, ",")
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "created\t%s\ntotp\t%s\ngroups\t%s\n", formatTime(d.Created), codes, printable(groups))
	return err
}
