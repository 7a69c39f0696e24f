package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/keys/keyfile"
)

// defaultKey is the name of the key that commands use unless told otherwise.
const defaultKey = "default"

func newKey() *cobra.Command {
	return newParent("key", "Make and show keys",
		"A key is two: one that signs, which owns what it writes, and one that reads what is encrypted to it.\n"+
			"Keys are kept in $ATE_HOME/keys, which is ~/.config/ate/keys unless ATE_HOME is set. The name of a key is "+defaultKey+" if none is given.\n"+
			"A passphrase is asked for at the terminal, unless ATE_PASSPHRASE has it.",
		newKeyNew(), newKeyShow(), newKeyList(), newKeyExport())
}

func newKeyNew() *cobra.Command {
	var noPassphrase bool
	cmd := &cobra.Command{
		Use:   "new [NAME]",
		Short: "Make a key",
		Long:  "New makes a key and prints its name, the ids of what signs and what reads, and how it is kept, parted by tabs.",
		Args:  keyArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, name, err := keyOf(args)
			if err != nil {
				return err
			}
			if err := checkFree(folder, name); err != nil {
				return err
			}
			passphrase := ""
			if !noPassphrase {
				if passphrase, err = newPassphrase(cmd.Context(), name, "give --no-passphrase"); err != nil {
					return err
				}
			}
			id, err := keys.NewIdentity(name)
			if err != nil {
				return err
			}
			file, err := keyfile.New(id, passphrase)
			if err != nil {
				return err
			}
			if err := folder.Create(file); err != nil {
				return err
			}
			return printKey(cmd.OutOrStdout(), file)
		},
	}
	cmd.Flags().BoolVar(&noPassphrase, "no-passphrase", false, "keep the key in clear; whoever reads the file has it")
	return cmd
}

// checkFree refuses a name that is taken, before a passphrase is asked for.
func checkFree(folder keyfile.Folder, name string) error {
	_, err := folder.Read(name)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	}
	return fault.New(fault.BadRequest, "there is a key %q already, in %s; choose another name", name, folder.Path(name))
}

func newKeyShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show [NAME]",
		Short: "Print a key's public half and how it is kept",
		Long:  "Show prints a key's name, the ids of what signs and what reads, how it is kept, and its public line to give to others.\nWho has the line compares the ids with you.",
		Args:  keyArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := readKey(args)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			_, err = fmt.Fprintf(out, "name\t%s\nsigning\t%s\nreading\t%s\nsecret\t%s\npublic\t%s\n",
				file.Public.Name, file.Public.Signing, file.Public.Read, protection(file), file.Public.Text())
			return err
		},
	}
}

func newKeyList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List keys, one a line",
		Long:  "List lists keys, one a line and sorted: name, the ids of what signs and what reads, and how it is kept, parted by tabs.",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, err := keyfile.DefaultFolder()
			if err != nil {
				return err
			}
			entries, err := folder.List()
			if err != nil {
				return err
			}
			var failed error
			for _, e := range entries {
				if e.Err != nil {
					failed = e.Err
					fmt.Fprintf(cmd.ErrOrStderr(), "%s\t%s\n", e.Name, sentence(e.Err))
				} else if err := printKey(cmd.OutOrStdout(), e.File); err != nil {
					return err
				}
			}
			if failed != nil {
				return fault.New(fault.CodeOf(failed), "not all keys could be read")
			}
			return nil
		},
	}
}

func newKeyExport() *cobra.Command {
	var secret bool
	cmd := &cobra.Command{
		Use:   "export [NAME]",
		Short: "Print a key's public line, or its secret file",
		Long:  "Export prints the public line of a key, to give to others.\nWith --secret it prints the key file as it is, for a backup; a passphrase stays in force.",
		Args:  keyArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := readKey(args)
			if err != nil {
				return err
			}
			out := []byte(file.Public.Text() + "\n")
			if secret {
				out = file.Encode()
			}
			_, err = cmd.OutOrStdout().Write(out)
			return err
		},
	}
	cmd.Flags().BoolVar(&secret, "secret", false, "print the secret key file instead")
	return cmd
}

func printKey(out io.Writer, file *keyfile.File) error {
	_, err := fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", file.Public.Name, file.Public.Signing, file.Public.Read, protection(file))
	return err
}

func protection(file *keyfile.File) string {
	if file.Encrypted {
		return "passphrase"
	}
	return "plain"
}

func keyArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("%s takes one name; see %s --help", cmd.CommandPath(), cmd.CommandPath())
	}
	if len(args) == 1 {
		if err := keys.CheckName(args[0]); err != nil {
			return usageError{err}
		}
	}
	return nil
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes nothing; see %s --help", cmd.CommandPath(), cmd.CommandPath())
	}
	return nil
}

// keyOf returns the folder of keys and the name that the arguments give.
func keyOf(args []string) (folder keyfile.Folder, name string, err error) {
	name = defaultKey
	if len(args) > 0 {
		name = args[0]
	}
	folder, err = keyfile.DefaultFolder()
	return folder, name, err
}

func readKey(args []string) (*keyfile.File, error) {
	folder, name, err := keyOf(args)
	if err != nil {
		return nil, err
	}
	return folder.Read(name)
}
