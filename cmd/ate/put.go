package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

func newPut(set *settings) *cobra.Command {
	var typeName, parent string
	var to access
	cmd := &cobra.Command{
		Use:   "put URL KEY [VALUE]",
		Short: "Store an object's new value and print its seq",
		Long:  "Put stores an object's new value, makes the chain if there is none, and prints the value's seq.\nWithout VALUE, or with -, the value is what standard input holds.",
		Args:  chainArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := valueOf(cmd.InOrStdin(), args[2:])
			if err != nil {
				return err
			}
			s, err := set.dial(cmd, args[0], true)
			if err != nil {
				return err
			}
			defer s.Close()
			header := event.Header{Key: []byte(args[1]), Type: typeName}
			if parent != "" {
				header.Parent.Key = []byte(parent)
			}
			batch, err := to.batch(s, set, client.Event{Header: header, Data: value})
			if err != nil {
				return err
			}
			return s.commit(cmd.OutOrStdout(), batch)
		},
	}
	to.addFlags(cmd)
	cmd.Flags().StringVar(&parent, "parent", "", "the `key` of the object that this one stands under")
	cmd.Flags().StringVar(&typeName, "type", "", "what the value is, for other programs")
	return cmd
}

// valueOf returns the value in the arguments, or else all of stdin.
func valueOf(stdin io.Reader, args []string) ([]byte, error) {
	if len(args) > 0 && args[0] != "-" {
		return []byte(args[0]), nil
	}
	value, err := io.ReadAll(io.LimitReader(stdin, event.MaxData+1))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "reading the value from standard input: %w", err)
	}
	if len(value) > event.MaxData {
		return nil, fault.New(fault.TooLarge, "the value is longer than %d bytes", event.MaxData)
	}
	return value, nil
}
