package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
)

const generateHelp = `Makes the identity of an authentication server in key-path, by default
~/ate/auth, and prints its fingerprint, which its clients know it by. An
identity that is there is never overwritten.

A server that runs with an identity made with -s demands at least that much wire
encryption of its clients; the file wire-encryption beside the identity says so.`

func newGenerate() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "generate [key-path]",
		Short:   "Make the server's identity",
		Long:    generateHelp,
		Example: "  auth-server generate -s 192 ./key",
		Args:    takes(0, 1, "a key-path"),
	}
	cmd.Flags().StringP("strength", "s", "", "least `bits` of wire encryption, 128, 192 or 256, of a server with this identity (default: none)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := newSettings(cmd)
		if err == nil {
			err = s.apply()
		}
		if err != nil {
			return err
		}
		level := 0
		if s.isSet("strength") {
			text, _ := cmd.Flags().GetString("strength")
			if level, err = parseLevel(text); err != nil {
				return s.bad("strength", "%w", err)
			}
		}
		keyPath, err := s.keyPath(args, 0)
		if err != nil {
			return err
		}
		return generate(cmd, keyPath, level)
	}
	return cmd
}

func generate(cmd *cobra.Command, keyPath string, level int) error {
	if existing, err := loadIdentity(keyPath); err == nil {
		return fault.New(fault.Denied, "%s has the identity %s already, which is never overwritten; move it away first, if no client is to know the server again", keyPath, existing.Public().Fingerprint())
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if level > 0 {
		if err := writeLeastEncryption(keyPath, level); err != nil {
			return err
		}
	}
	made, err := identity.LoadOrCreate(keyPath)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), made.Public().Fingerprint())
	return err
}

// loadIdentity returns the identity in a folder, which is not made if it is
// missing.
func loadIdentity(keyPath string) (*identity.Private, error) {
	if _, err := os.Stat(filepath.Join(keyPath, identity.FileName)); err != nil {
		return nil, fault.New(fault.NotFound, "there is no identity in %s; make one with `auth-server generate`, or run the server once: %w", keyPath, err)
	}
	return identity.LoadOrCreate(keyPath)
}

// levelFile is a file beside an identity: the least wire encryption, in bits, of
// a server with it, and a line feed. Without the file there is none.
const levelFile = "wire-encryption"

// defaultLevel is the wire encryption of a server that was told nothing.
const defaultLevel = 128

func parseLevel(text string) (int, error) {
	switch text {
	case "128":
		return 128, nil
	case "192":
		return 192, nil
	case "256":
		return 256, nil
	}
	return 0, fmt.Errorf("must be 128, 192 or 256, not %q", text)
}

// leastEncryption returns what the file beside an identity says, 0 if it is
// missing.
func leastEncryption(keyPath string) (int, error) {
	path := filepath.Join(keyPath, levelFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fault.New(fault.Unavailable, "reading the least wire encryption: %w", err)
	}
	level, err := parseLevel(strings.TrimSuffix(string(b), "\n"))
	if err != nil {
		return 0, fault.New(fault.Damaged, "%s is damaged: %w; correct it", path, err)
	}
	return level, nil
}

// writeLeastEncryption writes the file. It is durable when it returns.
func writeLeastEncryption(keyPath string, level int) error {
	err := os.MkdirAll(keyPath, 0o700)
	if err == nil {
		err = writeSynced(filepath.Join(keyPath, levelFile), fmt.Sprintf("%d\n", level))
	}
	if err != nil {
		return fault.New(fault.Unavailable, "writing the least wire encryption: %w", err)
	}
	return nil
}

// writeSynced writes a file. The folder is synced by who puts the next file there.
func writeSynced(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
