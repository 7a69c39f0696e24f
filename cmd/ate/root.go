package main

import (
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

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

	identity *keys.Identity   // of key, once a connection was dialled; nil if there is none
	signer   *keys.SigningKey // that is written with: identity's or of sshKey; nil if there is none
}

func newRoot() *cobra.Command {
	var set settings
	root := &cobra.Command{
		Use:           "ate",
		Short:         "Read and write chains on an AteDB server",
		Long:          "Ate reads and writes chains on an AteDB server.\n\nA chain's URL looks like ws://host:5000/db/example.com/joe/mydb, or tcp:// for the bare protocol.",
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
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%s; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(
		newPut(&set), newGet(&set), newRm(&set), newLs(&set), newLog(&set),
		newAppend(&set), newExport(&set), newImport(&set), newGrant(&set), newOwner(&set), newVerify(&set), newKey(),
	)
	return root
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
