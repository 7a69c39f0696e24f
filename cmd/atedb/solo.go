package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/internal/logging"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/server"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/plugin"
)

const soloHelp = `Runs a server that listens for connections from clients.

Chains are kept below logs-path; the default is /opt/ate if it is there or can
be made, otherwise ~/ate. SIGINT and SIGTERM stop the server in an orderly way;
another one, a second or more later, stops it at once. SIGHUP has it read its
configuration again, as "atedb reload" does.`

func newSolo() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "solo [logs-path]",
		Short:   "Run a server",
		Long:    soloHelp,
		Example: "  atedb --no-auth --no-wire-encryption solo -l 127.0.0.1 -p 5555 ./data",
		Version: plugin.BuildVersion(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("solo takes one logs-path, not %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			hangups := make(chan os.Signal, 1)
			signal.Notify(hangups, syscall.SIGHUP)
			load := func() (*config.Config, error) { return loadConfig(cmd, args...) }
			cfg, err := load()
			if err != nil {
				return err
			}
			return server.Run(cmd.Context(), server.Options{
				Config: cfg, Reload: load, Hangups: hangups, Logger: logging.New("atedb", cfg.Log, os.Stderr),
			})
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
	f := cmd.Flags()
	f.StringP("listen", "l", "", "IP `address` to listen on (default: every one, IPv6 and IPv4)")
	f.StringP("port", "p", "", "TCP `port` to listen on (default: "+chainname.DefaultPort+")")
	f.String("compact-mode", "", "what starts a compaction: never, modified, timer, factor, size, factor-or-timer or size-or-timer (default: factor-or-timer)")
	f.String("compact-threshold-factor", "", "growth of a log, as a share of its size, that starts a compaction (default: 0.4)")
	f.String("compact-threshold-size", "", "growth of a log, in `bytes`, that starts a compaction (default: 104857600)")
	f.String("compact-timer", "", "`seconds` between compactions (default: 3600)")
	complete(cmd, "compact-mode", "never", "modified", "timer", "factor", "size", "factor-or-timer", "size-or-timer")
	return cmd
}
