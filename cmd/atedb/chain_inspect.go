package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/plugin"
)

func newChainInspect() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect NAME",
		Short: "Show what is known of a chain",
		Long: `Shows what is known of a chain, one thing a line, the name and a tab before it. A
running server opens the chain if it is not open. The head is the number of events
with dropped ones, a colon, and the root of the chain's Merkle tree.`,
		Version: plugin.BuildVersion(),
		Args:    oneChain,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := openChains(cmd)
			if err != nil {
				return err
			}
			defer c.close()
			d, err := c.Inspect(cmd.Context(), chainname.Name(args[0]))
			if err != nil {
				return err
			}
			return showChain(cmd.OutOrStdout(), &d)
		},
	}
}

func showChain(w io.Writer, d *control.Chain) error {
	var b strings.Builder
	show := func(what string, value any) { fmt.Fprintf(&b, "%s\t%v\n", what, value) }
	show("chain", d.Name)
	show("id", d.ID)
	show("trust", d.Trust)
	if len(d.RootKeys) == 0 {
		show("root key", "none: everyone may write roots")
	}
	for _, id := range d.RootKeys {
		show("root key", id)
	}
	show("head", d.Head)
	show("events", d.Stored)
	show("objects", d.Objects)
	show("bytes", d.Bytes)
	show("compacted", formatTime(d.Compacted))
	if !d.Compacted.IsZero() {
		show("bytes then", d.Kept)
	}
	if d.Dropped > 0 {
		show("dropped before", d.Dropped)
	}
	if d.Compacting {
		show("compacting", "now")
	}
	state := "closed"
	if d.Open {
		state = "open"
	}
	show("state", state)
	show("users", d.Users)
	for i := range d.Triggers {
		show("trigger", describeTrigger(&d.Triggers[i]))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// describeTrigger says when a strategy wants the chain compacted.
func describeTrigger(t *control.Trigger) string {
	words := []string{t.Strategy}
	if t.Modified {
		words = append(words, "modified")
	}
	if t.Factor > 0 {
		words = append(words, fmt.Sprintf("factor=%g", t.Factor))
	}
	if t.Size > 0 {
		words = append(words, fmt.Sprintf("size=%d", t.Size))
	}
	if t.Seconds > 0 {
		words = append(words, "timer="+time.Duration(t.Seconds*float64(time.Second)).String())
	}
	if len(words) == 1 {
		words = append(words, "never")
	}
	return strings.Join(words, "\t")
}
