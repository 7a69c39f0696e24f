package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/core/authserver/invite"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/fault"
)

const inviteHelp = `Prints a code with which somebody may register the name NAME, such as
joe@example.com, at the server whose identity is in key-path and that runs with
--registration invite. The code is good once, since the name is taken then.`

// defaultInvite is how long an invite is good for.
const defaultInvite = 7 * 24 * time.Hour

func newInvite() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "invite NAME [key-path]",
		Short:   "Let somebody register a name",
		Long:    inviteHelp,
		Example: "  auth-server invite joe@example.com --for 24h",
		Args:    takes(1, 2, "a name and a key-path"),
	}
	cmd.Flags().Duration("for", defaultInvite, "how `long` the code is good for")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := newSettings(cmd)
		if err == nil {
			err = s.apply()
		}
		if err != nil {
			return err
		}
		name, err := account.ParseName(args[0])
		if err != nil {
			return &wrongUsage{fault.From(err)}
		}
		life, _ := cmd.Flags().GetDuration("for")
		if life < time.Second || life > invite.MaxAge {
			return s.bad("for", "must be 1s to %s, not %s", invite.MaxAge, life)
		}
		keyPath, err := s.keyPath(args, 1)
		if err != nil {
			return err
		}
		self, err := loadIdentity(keyPath)
		if err != nil {
			return err
		}
		inviter, err := invite.New(self.Signing())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), inviter.Code(string(name), time.Now().Add(life)))
		return err
	}
	return cmd
}
