package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newErase(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "erase URL KEY",
		Short: "End an object and have its data erased from the server's disk",
		Long: `End an object and have its data erased from the server's disk.

When the command has ended with status 0, no file of the server has any of the
data that the object ever had. Erasing again is no error.

What stays is that there was an object of this key, with the types and labels of
its events, until compaction drops them, and the hash of each event's data, so
that everything else in the chain can still be verified. Who can guess the data
can tell by its hash that the guess is right. Copies that others took, backups of
the server's folder among them, are not erased.`,
		Args: chainArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := set.dial(cmd, args[0], false)
			if err != nil {
				return err
			}
			defer s.Close()
			events, err := s.Erase(s.ctx, []byte(args[1]))
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "erased the data of %d events\n", events)
			}
			return err
		},
	}
}
