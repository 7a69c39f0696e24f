package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/pluginhost"
	"github.com/atedb/atedb/sdk/plugin"
)

// checkTimeout bounds what the plugins' checks of a configuration take.
const checkTimeout = time.Minute

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Show or check the configuration",
		Version: plugin.BuildVersion(),
		Args:    needsCommand,
		RunE:    func(*cobra.Command, []string) error { return nil }, // Args lets nothing through
	}
	cmd.AddCommand(newConfigShow(), newConfigCheck())
	return cmd
}

func newConfigShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Print every setting, its value and where that comes from",
		Version: plugin.BuildVersion(),
		Args:    cobra.NoArgs,
	}
	asJSON := cmd.Flags().Bool("json", false, "print JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := loadConfig(cmd)
		if err != nil {
			return err
		}
		if *asJSON {
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", "  ")
			return encoder.Encode(cfg.Settings())
		}
		return showTable(cmd.OutOrStdout(), cfg.Settings())
	}
	return cmd
}

// showTable prints settings in three columns: key, value as JSON, origin.
func showTable(out io.Writer, settings []config.Setting) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range settings {
		value, err := json.Marshal(s.Value)
		if err != nil {
			return err
		}
		origin := s.Origin
		if s.Line > 0 {
			origin += ":" + strconv.Itoa(s.Line)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Key, value, origin)
	}
	return table.Flush()
}

func newConfigCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration without running a server",
		Long: `Checks every setting, starts each plugin, has it check its own settings, and
stops it again. Nothing is written and no port is opened.`,
		Version: plugin.BuildVersion(),
		Args:    cobra.NoArgs,
	}
	noPlugins := cmd.Flags().Bool("no-plugins", false, "start no plugins: leave their own settings unchecked")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := loadConfig(cmd)
		if err != nil {
			return err
		}
		if !*noPlugins {
			if err := checkPlugins(cmd.Context(), cfg); err != nil {
				return err
			}
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), "the configuration is valid")
		return err
	}
	return cmd
}

// checkPlugins has every plugin check its own settings and returns all that
// is wrong.
func checkPlugins(ctx context.Context, cfg *config.Config) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	host, err := pluginhost.New(pluginhost.Config{
		Dirs: cfg.PluginDirs, RequireChecksums: cfg.RequireChecksums, RuntimeDir: cfg.RuntimeDir,
		DataDir: cfg.LogsPath, Level: hclog.LevelFromString(cfg.Log.Level),
	})
	if err != nil {
		return err
	}
	var problems []error
	for _, spec := range cfg.PluginSpecs() {
		if err := host.Validate(ctx, pluginhost.Spec(spec)); err != nil {
			problems = append(problems, err)
		}
	}
	if err := host.Close(ctx); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
