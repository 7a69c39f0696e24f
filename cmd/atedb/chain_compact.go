package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/plugin"
)

func newChainCompact() *cobra.Command {
	return &cobra.Command{
		Use:   "compact NAME",
		Short: "Compact a chain now",
		Long: `Has the server compact a chain now, with the strategies of its configuration,
and waits for it. An interrupt ends the compaction; what it has dropped by then
stays dropped. It needs a running server, and fails if the chain is being
compacted already.`,
		Version: plugin.BuildVersion(),
		Args:    oneChain,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := openChains(cmd)
			if err != nil {
				return err
			}
			defer c.close()
			shown := newProgress(cmd.ErrOrStderr())
			result, err := c.Compact(cmd.Context(), chainname.Name(args[0]), func(p control.Progress) {
				shown.set("compacting: %d MiB of headers read", p.Bytes>>20)
			})
			shown.end()
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), describeCompacted(&result))
			return err
		},
	}
}

func describeCompacted(c *control.Compacted) string {
	var b strings.Builder
	fmt.Fprintf(&b, "examined\t%d\ndropped\t%d\n", c.Examined, c.Dropped)
	if c.Young > 0 {
		fmt.Fprintf(&b, "too young yet\t%d\n", c.Young)
	}
	if c.Ended > 0 {
		fmt.Fprintf(&b, "objects ended\t%d\n", c.Ended)
	}
	took := time.Duration(c.Seconds * float64(time.Second)).Round(time.Millisecond)
	fmt.Fprintf(&b, "bytes before\t%d\nbytes after\t%d\ntook\t%s\n", c.Before, c.After, took)
	for _, o := range c.Overruled {
		fmt.Fprintf(&b, "overruled\t%s\t%d\n", o.Strategy, o.Values)
	}
	return b.String()
}
