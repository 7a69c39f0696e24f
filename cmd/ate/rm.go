package main

import (
	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

func newRm(set *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "rm URL KEY",
		Short: "End an object",
		Args:  chainArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := set.dial(cmd, args[0], false)
			if err != nil {
				return err
			}
			defer s.Close()
			return remove(s, []byte(args[1]))
		},
	}
}

// remove ends the object, whoever else writes it meanwhile.
func remove(s *session, key []byte) error {
	for {
		e, err := s.Get(s.ctx, key)
		if err != nil {
			return err
		}
		_, err = s.Submit(s.ctx, client.Batch{
			Events:   []client.Event{{Header: event.Header{Key: key, Tombstone: true}}},
			Expected: []client.Expected{{Key: key, Seq: e.Seq}},
		}).Wait(s.ctx)
		if !fault.Is(err, fault.VersionConflict) {
			return err
		}
	}
}
