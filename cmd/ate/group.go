package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
)

func newGroup(set *settings) *cobra.Command {
	return set.addAuthFlag(newParent("group", "Make and change groups at an authentication server",
		"A group such as engineers owns the chains under engineers/. Its members have roles, from the top: owner, delegate, contributor\n"+
			"and observer. Each has a key, which who has a higher role holds too: owners and delegates own the group's chains, and\n"+
			"manage, delegates only whoever is below them; contributors write where an object is theirs to write; observers read.\n"+
			"Who is logged in makes and changes groups.",
		newGroupCreate(set), newGroupAdd(set), newGroupRemove(set), newGroupDetails(set)))
}

// groupArgs checks a command's arguments: a group, and as many users.
func groupArgs(users int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1+users {
			return usage("%s takes %s; see %s --help", cmd.CommandPath(), cmd.Use[len(cmd.Name())+1:], cmd.CommandPath())
		}
		if err := group.CheckName(args[0]); err != nil {
			return usageError{err}
		}
		if users == 0 {
			return nil
		}
		_, err := userArg(args[1:])
		return err
	}
}

func newGroupCreate(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "create GROUP",
		Short: "Make a group, which is yours",
		Long:  "Create makes a group with new keys, whose owner is who is logged in, and prints its name and the ids of the keys that\nown its chains.",
		Args:  groupArgs(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			return set.withHolder(cmd, func(ctx context.Context, s *authserver.Session) error {
				m, err := s.CreateGroup(ctx, args[0])
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\t%s\n", m.Statement.Name, m.Statement.Owner.Key, m.Statement.Delegate.Key)
				return err
			})
		},
	}
}

func newGroupAdd(set *settings) *cobra.Command {
	var roleName string
	cmd := &cobra.Command{
		Use:   "add GROUP NAME",
		Short: "Give a user a role in a group",
		Long: "Add gives a user a role in a group, or another role than he has, and prints the group, the user and the role, parted by tabs.\n" +
			"A lower role than before takes keys away: they are replaced for who keeps the higher one.\n" +
			"A user with new keys is given the group's keys again by being added again.",
		Args: groupArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			role, err := group.ParseRole(roleName)
			if err != nil {
				return usageError{err}
			}
			user, err := userArg(args[1:])
			if err != nil {
				return err
			}
			return set.withHolder(cmd, func(ctx context.Context, s *authserver.Session) error {
				if _, err := s.AddMember(ctx, args[0], user, role); err != nil {
					return err
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\t%s\n", args[0], user, role)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&roleName, "role", group.Contributor.String(), "the `role`: owner, delegate, contributor or observer")
	return cmd
}

func newGroupRemove(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "remove GROUP NAME",
		Short: "Take a user out of a group",
		Long: "Remove takes a user out of a group, and replaces the keys that he had for who remains. What he could read before, he still\n" +
			"can; chains that the old keys own are handed over with ate owner.",
		Args: groupArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			user, err := userArg(args[1:])
			if err != nil {
				return err
			}
			return set.withHolder(cmd, func(ctx context.Context, s *authserver.Session) error {
				_, err := s.RemoveMember(ctx, args[0], user)
				return err
			})
		},
	}
}

func newGroupDetails(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "details GROUP",
		Short: "Print a group's keys and, to its members, who is in it",
		Long: "Details prints what everybody may know of a group, a line each: name, how many times it was changed, when that was last, and\n" +
			"the ids of its roles' keys. To a member who is logged in it prints who else is in it: user and role.",
		Args: groupArgs(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			var statement group.Statement
			var members []group.Member
			_, err := set.holder()
			if err == nil {
				err = set.withHolder(cmd, func(ctx context.Context, s *authserver.Session) error {
					statement, members, err = details(ctx, s, args[0])
					return err
				})
			} else if fault.Is(err, fault.NeedsLogin) {
				err = set.withAuth(cmd, func(ctx context.Context, c *authserver.Client) error {
					statement, err = c.LookGroup(ctx, args[0])
					return err
				})
			}
			if err != nil {
				return err
			}
			return printGroup(cmd, statement, members)
		},
	}
}

// details returns a group, with its members for one of them.
func details(ctx context.Context, s *authserver.Session, name string) (group.Statement, []group.Member, error) {
	m, err := s.Group(ctx, name)
	if err == nil {
		return m.Statement, m.Roster.Members, nil
	}
	if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.NoReadKey) {
		return group.Statement{}, nil, err
	}
	statement, err := s.LookGroup(ctx, name)
	return statement, nil, err
}

func printGroup(cmd *cobra.Command, s group.Statement, members []group.Member) error {
	out := cmd.OutOrStdout()
	_, err := fmt.Fprintf(out, "name\t%s\nchanges\t%d\nsince\t%s\nowner\t%s\ndelegate\t%s\ncontributor\t%s\nobserver\t%s\n",
		s.Name, s.Number, formatTime(s.Created), s.Owner.Key, s.Delegate.Key, s.Contributor.Key, s.Observer.Key)
	for _, m := range members {
		if err == nil {
			_, err = fmt.Fprintf(out, "member\t%s\t%s\n", m.User, m.Role)
		}
	}
	return err
}
