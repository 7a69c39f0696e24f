package main

import (
	"bufio"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/plugin"
)

// pageSize is how many chains are asked for at a time.
const pageSize = 1000

func newChainList() *cobra.Command {
	return &cobra.Command{
		Use:   "list [PREFIX]",
		Short: "List the chains, one a line",
		Long: `Lists the chains, or those whose names begin with PREFIX, one a line and sorted.
The columns, parted by tabs, are name, open or closed, users, the seq of the next
event, bytes of records, and the time of the last compaction. Of a chain that is
not open, only the name is known; the rest is a dash.`,
		Example: "  atedb chain list --logs-path /opt/ate example.com/",
		Version: plugin.BuildVersion(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("list takes one prefix, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := openChains(cmd)
			if err != nil {
				return err
			}
			defer c.close()
			prefix := ""
			if len(args) > 0 {
				prefix = args[0]
			}
			return listChains(cmd, c, prefix)
		},
	}
}

func listChains(cmd *cobra.Command, c control.Chains, prefix string) error {
	out := bufio.NewWriter(cmd.OutOrStdout())
	for after := chainname.Name(""); ; {
		page, err := c.List(cmd.Context(), prefix, after, pageSize)
		if err != nil {
			return err
		}
		for i := range page.Chains {
			fmt.Fprintln(out, listLine(&page.Chains[i]))
		}
		if err := out.Flush(); err != nil || page.More <= after {
			return err
		}
		after = page.More
	}
}

func listLine(l *control.Listed) string {
	name := printable(l.Name.String())
	if !l.Open {
		return name + "\tclosed\t-\t-\t-\t-"
	}
	return fmt.Sprintf("%s\topen\t%d\t%d\t%d\t%s", name, l.Users, l.Events, l.Bytes, formatTime(l.Compacted))
}
