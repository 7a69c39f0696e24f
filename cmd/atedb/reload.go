package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/core/server"
	"github.com/atedb/atedb/sdk/plugin"
)

const reloadHelp = `Has a running server read its configuration again: the file, with the flags and
the environment that the server was started with.

Auth, trust and compaction plugins, and their settings, the certificate and the
log level change at once, while connections and open chains go on: a new plugin
is started before an old one ends. A plugin whose program was replaced is
restarted. Settings that need a restart are named and left as they are. If
anything is wrong nothing changes, and that is what is printed.

The command finds the server as "atedb chain" does: give the same --config,
environment and logs-path as to "atedb solo".`

func newReload() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "reload",
		Short:   "Have a running server read its configuration again",
		Long:    reloadHelp,
		Example: "  atedb --config /etc/atedb/atedb.hcl reload",
		Version: plugin.BuildVersion(),
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			client, err := control.Connect(cmd.Context(), server.ControlSocket(cfg))
			if err != nil {
				return err
			}
			defer client.Close()
			told, err := client.Reload(cmd.Context())
			if err != nil {
				return err
			}
			return printReloaded(cmd.OutOrStdout(), told)
		},
	}
	addLogsPath(cmd.Flags())
	return cmd
}

// printReloaded prints a line for each kind of thing that there is any of.
func printReloaded(w io.Writer, told control.Reloaded) error {
	var lines strings.Builder
	for _, line := range []struct {
		what  string
		names []string
	}{
		{"changed", told.Changed}, {"started", told.Started}, {"stopped", told.Stopped}, {"needs a restart", told.Restart},
	} {
		if len(line.names) > 0 {
			fmt.Fprintf(&lines, "%-16s %s\n", line.what, strings.Join(line.names, ", "))
		}
	}
	if lines.Len() == 0 {
		lines.WriteString("nothing changed\n")
	}
	_, err := io.WriteString(w, lines.String())
	return err
}
