package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/atedb/atedb/cmd/internal/usage"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// The exit statuses beside 0.
const (
	exitFailed = 1
	exitUsage  = 2
)

const rootHelp = `AteDB is a distributed redo-log server: it keeps chains of events, durably, for
clients that connect to ws://host:5000/db/domain.com/name/mydb.

Every flag can also be set in a config file or in the environment; flags come
first, then the environment, then the file. "atedb config show" prints the
outcome.`

const rootExample = `  atedb --no-auth --no-wire-encryption solo -l 127.0.0.1 -p 5555 ./data
  atedb --config /etc/atedb/atedb.hcl solo
  atedb --trust distributed config show`

// execute runs one command line and returns the exit status.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	running := false
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.PersistentPreRun = func(*cobra.Command, []string) { running = true }
	cmd, err := root.ExecuteContextC(ctx)
	var wrongFlag *config.FlagError
	switch {
	case err == nil:
		return 0
	case !running:
		err = fault.New(fault.BadRequest, "%w; see %s --help", err, cmd.CommandPath())
		usage.Report(stderr, "atedb", err)
		return exitUsage
	case errors.As(err, &wrongFlag):
		usage.Report(stderr, "atedb", err)
		return exitUsage
	default:
		usage.Report(stderr, "atedb", err)
		return exitFailed
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:               "atedb",
		Short:             "A distributed redo-log server",
		Long:              rootHelp,
		Example:           rootExample,
		Version:           plugin.BuildVersion(),
		Args:              needsCommand,
		RunE:              func(*cobra.Command, []string) error { return nil }, // Args lets nothing through
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.SetVersionTemplate("atedb {{.Version}}\n")
	root.SetGlobalNormalizationFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "dns" {
			name = "dns-server"
		}
		return pflag.NormalizedName(name)
	})
	addGlobalFlags(root)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newSolo(), newReload(), newChain(), newConfig(), newVersion(), newCompletion(root))
	root.SetHelpCommand(newHelp(root))
	usage.SetTemplate(root)
	return root
}

func addGlobalFlags(root *cobra.Command) {
	defaults := config.Default()
	f := root.PersistentFlags()
	f.String("config", "", "config `file`, HCL or YAML (default: $ATEDB_CONFIG, else /etc/atedb/atedb.hcl or .yaml)")
	f.StringP("auth", "a", "", "`URL` of the authentication server that knows who owns a new chain (default: "+config.DefaultAuthURL+")")
	f.Bool("no-auth", false, "ask nobody who owns a new chain: anyone may create it and write its root events")
	f.StringP("trust", "t", "", "trust `mode`, centralized or distributed (default: "+defaults.Trust.Name+")")
	f.String("wire-encryption", "", "`bits` of the wire's encryption, 128, 192 or 256 (default: 128 with centralized trust, otherwise off)")
	f.Bool("no-wire-encryption", false, "switch wire encryption off")
	f.String("dns-server", "", "`address` that DNS queries are sent to (default: "+defaults.DNSServer+")")
	f.Bool("dns-sec", false, "believe only what DNSSEC proves")
	f.BoolP("debug", "d", false, "log debugging information as text")
	f.CountP("verbose", "v", "log more; twice for everything")
	f.BoolP("version", "V", false, "print the version")
	complete(root, "trust", config.TrustCentralized, config.TrustDistributed)
	complete(root, "wire-encryption", "128", "192", "256")
	_ = root.MarkPersistentFlagFilename("config", "hcl", "yaml", "yml") // fails only without the flag
}

// complete has the shell offer a flag's values.
func complete(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // fails only without the flag
}

// needsCommand refuses a command line that ends before a command that does
// something.
func needsCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		cmd.SuggestionsMinimumDistance = 2
		if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
			return fmt.Errorf("there is no command %q (did you mean %s?)", args[0], strings.Join(similar, " or "))
		}
		return fmt.Errorf("there is no command %q", args[0])
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return fmt.Errorf("name a command: %s", strings.Join(names, ", "))
}

// loadConfig loads the settings of this command line.
func loadConfig(cmd *cobra.Command, logsPath ...string) (*config.Config, error) {
	flags := map[string]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if slices.Contains(config.FlagNames(), f.Name) {
			flags[f.Name] = f.Value.String()
		}
	})
	if len(logsPath) > 0 {
		flags["logs-path"] = logsPath[0]
	}
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	return config.Load(config.Sources{Path: path, Env: os.Environ(), Flags: flags})
}
