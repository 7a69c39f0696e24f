package main

import (
	"context"

	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/keys/keyfile"
)

// savedKey is a key file to be written.
type savedKey struct {
	folder     keyfile.Folder
	name       string // "" for none
	passphrase string
}

// newSavedKey asks for the passphrase of a key file to be, unless the name is
// taken.
func newSavedKey(ctx context.Context, name string) (*savedKey, error) {
	k := &savedKey{name: name}
	if name == "" {
		return k, nil
	}
	if err := keys.CheckName(name); err != nil {
		return nil, usageError{err}
	}
	var err error
	if k.folder, err = keyfile.DefaultFolder(); err != nil {
		return nil, err
	}
	if err := checkFree(k.folder, name); err != nil {
		return nil, err
	}
	k.passphrase, err = newPassphrase(ctx, name, "")
	return k, err
}

func (k *savedKey) write(id *keys.Identity) error {
	if k.name == "" {
		return nil
	}
	file, err := keyfile.New(&keys.Identity{Name: k.name, Signing: id.Signing, Read: id.Read}, k.passphrase)
	if err != nil {
		return err
	}
	return k.folder.Create(file)
}
