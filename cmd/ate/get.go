package main

import (
	"github.com/spf13/cobra"
)

func newGet(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "get URL KEY",
		Short: "Print an object's value, byte for byte",
		Args:  chainArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := set.dial(cmd, args[0], false)
			if err != nil {
				return err
			}
			defer s.Close()
			e, err := s.Get(s.ctx, []byte(args[1]))
			if err != nil {
				return err
			}
			if err := s.Decrypt(s.ctx, &e); err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(e.Data)
			return err
		},
	}
}
