package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
)

func newOwner(set *settings) *cobra.Command {
	var to access
	cmd := &cobra.Command{
		Use:   "owner URL",
		Short: "Print or change who owns a chain",
		Long: "Owner prints who may write at the top of a chain, and wherever nobody else has the authority: everyone, or ids of keys.\n" +
			"With --writers it makes others the owners, from the next event on; only an owner can do that.",
		Args: chainArgs(0, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := set.dial(cmd, args[0], false)
			if err != nil {
				return err
			}
			defer s.Close()
			if to.isEmpty() {
				return printOwner(cmd, s)
			}
			e := client.Event{Header: event.Header{Key: []byte(authority.RootKey)}}
			if e.Header.Write, err = to.write(set); err != nil {
				return err
			}
			return s.commit(cmd.OutOrStdout(), client.Batch{Events: []client.Event{e}})
		},
	}
	cmd.Flags().StringSliceVar(&to.writers, "writers", nil, "`who` owns the chain from now on: everyone, me, or ids or public identities as ate key show prints them")
	return cmd
}

func printOwner(cmd *cobra.Command, s *session) error {
	in, err := s.Authority(s.ctx, event.NewKey(), nil) // an object that nobody has made
	if err != nil {
		return err
	}
	if in.Write.Kind == event.WriteEveryone {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "everyone")
		return err
	}
	for _, id := range in.Write.Keys {
		if _, err := fmt.Fprintln(cmd.OutOrStdout(), keys.FormatID(id)); err != nil {
			return err
		}
	}
	return nil
}
