package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/core/server"
	"github.com/atedb/atedb/plugins/storage/file"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

const chainHelp = `Looks at the chains of a server, and compacts them.

The commands find the server by its configuration: give the same --config,
environment and logs-path as to "atedb solo". A running server is asked through
its control socket, <logs-path>/server/control.sock, which only its user and
root may connect to. Without one, the folder is looked at and nothing in it is
changed; no server can start on it meanwhile. Which of both it is stands on
standard error.`

func newChain() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "chain",
		Short:   "Look at chains, verify and compact them",
		Long:    chainHelp,
		Version: plugin.BuildVersion(),
		Args:    needsCommand,
		RunE:    func(*cobra.Command, []string) error { return nil }, // Args lets nothing through
	}
	addLogsPath(cmd.PersistentFlags())
	cmd.AddCommand(newChainList(), newChainInspect(), newChainCompact(), newChainVerify(), newChainDump())
	return cmd
}

// addLogsPath adds the flag of commands that look for a server.
func addLogsPath(flags *pflag.FlagSet) {
	flags.String("logs-path", "", "`folder` of the server's chains, as given to solo")
	_ = cobra.MarkFlagDirname(flags, "logs-path") // fails only without the flag
}

// oneChain takes the name of one chain.
func oneChain(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s takes the name of one chain, such as example.com/joe/mydb", cmd.Name())
	}
	_, err := chainname.Parse(args[0])
	return err
}

// chains is the chains that a command works on.
type chains struct {
	control.Chains
	close func()
}

// openChains returns the chains of a running server or, if there is none, of the
// stopped one's folder.
func openChains(cmd *cobra.Command) (*chains, error) {
	cfg, err := loadConfig(cmd)
	if err != nil {
		return nil, err
	}
	socket := server.ControlSocket(cfg)
	client, err := control.Connect(cmd.Context(), socket)
	if err == nil {
		say(cmd, "asking the server at %s", socket)
		return &chains{client, client.Close}, nil
	}
	if !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	s, err := openStopped(cfg, cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	say(cmd, "no server listens on %s; looking at the folder %s", socket, s.path)
	return &chains{s, s.close}, nil
}

// folderOf returns the folder that the server with these settings keeps chains
// in, by storage-file.
func folderOf(cfg *config.Config) (string, error) {
	if cfg.Storage.Name != "file" {
		return "", fault.New(fault.Unsupported, "the chains of this server are kept by the storage plugin %q, and only a folder of storage-file can be looked at; start the server and ask that", cfg.Storage.Name)
	}
	return file.FolderOf(cfg.Storage.Config, cfg.LogsPath)
}

// say tells on standard error what is done.
func say(cmd *cobra.Command, format string, args ...any) {
	fmt.Fprintf(cmd.ErrOrStderr(), "atedb: "+format+"\n", args...)
}

// formatTime is RFC 3339 with microseconds, or a dash for no time.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// printable returns text that does a terminal no harm and keeps to its column: as
// it is, or in quotes if that would not be so.
func printable(s string) string {
	if quoted := strconv.Quote(s); s == "" || quoted[1:len(quoted)-1] != s {
		return quoted
	}
	return s
}

// progress is a line on a terminal that says how far something is. Elsewhere it
// is nothing.
type progress struct {
	terminal io.Writer // nil if there is none
	shown    time.Time
}

func newProgress(stderr io.Writer) *progress {
	if f, ok := stderr.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		return &progress{terminal: f}
	}
	return &progress{}
}

const (
	progressEvery = 100 * time.Millisecond
	clearLine     = "\r\x1b[K"
)

func (p *progress) set(format string, args ...any) {
	if now := time.Now(); p.terminal != nil && now.Sub(p.shown) >= progressEvery {
		p.shown = now
		fmt.Fprintf(p.terminal, clearLine+format, args...)
	}
}

func (p *progress) end() {
	if p.terminal != nil {
		fmt.Fprint(p.terminal, clearLine)
	}
}
