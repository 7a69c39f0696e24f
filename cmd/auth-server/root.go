package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/internal/usage"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// The exit statuses beside 0.
const (
	exitFailed = 1
	exitUsage  = 2
)

const program = "auth-server"

const rootHelp = `The authentication server of AteDB: it knows which keys are a user's or a
group's, and proves what it says. It keeps no secret that it could use.

Every flag can also be set in the environment, as AUTH_SERVER_ and its name in
capitals with _ for each dash; AUTH_SERVER_LOG sets the log's level, and
AUTH_SERVER_LOGS_PATH and AUTH_SERVER_KEY_PATH the two paths. Flags come first.`

// wrongUsage is a fault on the command line rather than in the environment or of
// the server.
type wrongUsage struct{ fault *fault.Error }

func (e *wrongUsage) Error() string { return e.fault.Error() }
func (e *wrongUsage) Unwrap() error { return e.fault }

// execute runs one command line and returns the exit status.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	running := false
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.PersistentPreRun = func(*cobra.Command, []string) { running = true }
	cmd, err := root.ExecuteContextC(ctx)
	var wrong *wrongUsage
	switch {
	case err == nil:
		return 0
	case !running:
		usage.Report(stderr, program, fault.New(fault.BadRequest, "%w; see %s --help", err, cmd.CommandPath()))
		return exitUsage
	case errors.As(err, &wrong):
		usage.Report(stderr, program, err)
		return exitUsage
	}
	usage.Report(stderr, program, err)
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:               program,
		Short:             "The authentication server of AteDB",
		Long:              rootHelp,
		Example:           "  auth-server run -l 127.0.0.1 -p 5001 ./auth ./key",
		Version:           plugin.BuildVersion(),
		Args:              needsCommand,
		RunE:              func(*cobra.Command, []string) error { return nil }, // Args lets nothing through
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
	}
	root.SetVersionTemplate(program + " {{.Version}}\n")
	root.PersistentFlags().BoolP("debug", "d", false, "log debugging information as text")
	root.PersistentFlags().CountP("verbose", "v", "log more; twice for everything")
	root.PersistentFlags().BoolP("version", "V", false, "print the version")
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newRun(), newGenerate(), newInvite())
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	usage.SetTemplate(root)
	return root
}

// needsCommand refuses a command line that ends before a command.
func needsCommand(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("there is no command %q; the commands are generate, invite, run", args[0])
	}
	return errors.New("name a command: generate, invite, run")
}

// takes returns the check of how many arguments a command has.
func takes(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return fmt.Errorf("%s takes %s, not %d arguments", cmd.Name(), what, len(args))
		}
		return nil
	}
}
