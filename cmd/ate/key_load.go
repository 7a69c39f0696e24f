package main

import (
	"context"
	"fmt"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/keys/keyfile"
	"github.com/atedb/atedb/sdk/keys/sshkey"
)

// passphraseVariable is the environment variable that spares the question for
// a passphrase.
const passphraseVariable = "ATE_PASSPHRASE"

// loadSSHKey returns the SSH key in a file, asking for its passphrase if it has
// one.
func loadSSHKey(ctx context.Context, path string) (*keys.SigningKey, error) {
	file, err := sshkey.ReadFile(path)
	if err != nil {
		return nil, err
	}
	passphrase := ""
	if file.Encrypted {
		if passphrase, err = knownPassphrase(ctx, path); err != nil {
			return nil, err
		}
	}
	return file.Open(passphrase)
}

// loadIdentity returns the key of a name, asking for its passphrase if it has
// one. Without a name it is the default key, or nil if there is none.
func loadIdentity(ctx context.Context, name string) (*keys.Identity, error) {
	folder, err := keyfile.DefaultFolder()
	if err != nil {
		return nil, err
	}
	wanted := name
	if name == "" {
		wanted = defaultKey
	}
	file, err := folder.Read(wanted)
	if name == "" && fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	passphrase := ""
	if file.Encrypted {
		if passphrase, err = knownPassphrase(ctx, wanted); err != nil {
			return nil, err
		}
	}
	return file.Open(passphrase)
}

// knownPassphrase returns the passphrase that opens a key.
func knownPassphrase(ctx context.Context, name string) (string, error) {
	return question{
		what: fmt.Sprintf("the passphrase of the key %q", name), prompt: "Passphrase of the key " + name + ": ",
		variables: []string{passphraseVariable},
	}.answer(ctx)
}

// newPassphrase returns the passphrase of a key to be made. none says how to have
// none, if that is possible.
func newPassphrase(ctx context.Context, name, none string) (string, error) {
	return question{
		what: "a passphrase of the new key", prompt: "New passphrase of the key " + name + ": ",
		variables: []string{passphraseVariable}, twice: true, none: none,
	}.answer(ctx)
}
