package main

import (
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// version is set when a release is built.
var version = ""

const defaultTimeout = 10 * time.Second

// settings are the flags that all commands share.
type settings struct {
	timeout         time.Duration
	key             string // name of the key to write and read with
	sshKey          string // path of the SSH key to write with instead
	encryption      int    // the least wire encryption that is accepted
	trustOnFirstUse bool
	authorities     string // PEM file of who may vouch for a wss:// server
	token           string // the text of the token to write with
	tokenPath       string // the file that it is in
	auth            string // URL of the authentication server to ask
	dnsServer       string // IP address, with or without a port
	dnsSec          bool

	me *keys.PublicIdentity // who the command acts as, once a connection was dialled; nil for nobody
}

func newRoot() *cobra.Command {
	var set settings
	root := &cobra.Command{
		Use:   "ate",
		Short: "Read and write chains on an AteDB server",
		Long: "Ate reads and writes chains on an AteDB server.\n\nA chain's URL looks like ws://host:5000/db/example.com/joe/mydb, or tcp:// for the bare protocol.\n\n" +
			"A command acts as the first of these that there is:\n" +
			"  the key that --key names\n" +
			"  the token of --token or --token-path, else of ATE_TOKEN\n" +
			"  who logged in with ate login, on that user's own chains and those of his groups\n" +
			"  the key named " + defaultKey + "\n" +
			"Only one of --key, --token and --token-path may be given.",
		Version:       buildVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no command %q; see %s --help", args[0], cmd.CommandPath())
			}
			return usage("a command is missing; see %s --help", cmd.CommandPath())
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().DurationVar(&set.timeout, "timeout", defaultTimeout, "how long to wait for a server that cannot be reached")
	root.PersistentFlags().StringVar(&set.key, "key", "", "the `name` of the key to write and read with (default: the key named default, if there is one)")
	root.PersistentFlags().StringVar(&set.sshKey, "ssh-key", "", "the `file` of an Ed25519 SSH key to write with, in chains of centralized trust; it is not quantum-resistant, and reads nothing that is encrypted unless --key is given too")
	root.PersistentFlags().IntVar(&set.encryption, "wire-encryption", 0, "the least wire encryption to accept: 0, 128, 192 or 256 `bits`")
	root.PersistentFlags().BoolVar(&set.trustOnFirstUse, "trust-on-first-use", false, "pin the key of a server that is not known yet")
	root.PersistentFlags().StringVar(&set.authorities, "ca", "", "a PEM `file` with who may vouch for a wss:// server (default: whom the system trusts)")
	root.PersistentFlags().StringVar(&set.token, "token", "", "the `text` of a token to write with; better is ATE_TOKEN, which other users cannot see")
	root.PersistentFlags().StringVar(&set.tokenPath, "token-path", "", "the `file` with a token to write with")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return set.checkActor() }
	root.PersistentFlags().StringVar(&set.dnsServer, "dns-server", "", "the `address` of the server that names are looked up at (default: as the system does)")
	root.PersistentFlags().BoolVar(&set.dnsSec, "dns-sec", false, "believe only what DNSSEC proves")
	root.SetGlobalNormalizationFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "dns" {
			name = "dns-server"
		}
		return pflag.NormalizedName(name)
	})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%s; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(
		newPut(&set), newGet(&set), newRm(&set), newErase(&set), newLs(&set), newLog(&set),
		newAppend(&set), newExport(&set), newImport(&set), newGrant(&set), newOwner(&set), newVerify(&set), newKey(),
		newUser(&set), newGroup(&set), newToken(&set), newLogin(&set), newLogout(&set), newWhoami(&set),
	)
	return root
}

// newParent returns a command that only has others under it.
func newParent(use, short, long string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no command %q; see %s --help", args[0], cmd.CommandPath())
			}
			return usage("a command is missing; see %s --help", cmd.CommandPath())
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(children...)
	return cmd
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

func usage(format string, args ...any) error {
	return usageError{fault.New(fault.BadRequest, format, args...)}
}

// chainArgs checks a command's arguments: a chain's URL, then from atLeast to
// atMost others, of which the first is an object's key.
func chainArgs(atLeast, atMost int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < 1+atLeast || len(args) > 1+atMost {
			return usage("%s takes %s; see %s --help", cmd.CommandPath(), cmd.Use[len(cmd.Name())+1:], cmd.CommandPath())
		}
		if _, err := chainname.ParseURL(args[0]); err != nil {
			return usageError{err}
		}
		if len(args) > 1 {
			return checkKey([]byte(args[1]))
		}
		return nil
	}
}

func checkKey(key []byte) error {
	switch {
	case len(key) == 0 || len(key) > event.MaxKey:
		return usage("an object's key is %d bytes long; 1 to %d are allowed", len(key), event.MaxKey)
	case event.IsReserved(key):
		return usage("the key %q is the server's own, because it begins with %q; choose another", key, event.ReservedPrefix)
	}
	return nil
}
