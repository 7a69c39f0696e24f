package main

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/keys/keyfile"
)

// joeKey is a key file with the passphrase "correct horse", at a cost that a
// test can bear.
//
//go:embed testdata/joe.key
var joeKey []byte

// A command gets the key that is named, else the default key, else none; an
// encrypted one only with its passphrase.
func TestLoadIdentity(t *testing.T) {
	t.Setenv("ATE_HOME", t.TempDir())
	t.Setenv(passphraseVariable, "")
	if id, err := loadIdentity(t.Context(), ""); id != nil || err != nil {
		t.Error("without keys:", id, err)
	}
	if _, err := loadIdentity(t.Context(), defaultKey); !fault.Is(err, fault.NotFound) {
		t.Error("a default key that is named and not there:", err)
	}
	folder, err := keyfile.DefaultFolder()
	if err != nil {
		t.Fatal(err)
	}
	made, err := keys.NewIdentity(defaultKey)
	if err != nil {
		t.Fatal(err)
	}
	file, err := keyfile.New(made, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Create(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder.Path("joe"), joeKey, 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(name string, want keys.PublicKey) {
		t.Helper()
		if id, err := loadIdentity(t.Context(), name); err != nil || id.Signing.Public().ID() != want.ID() {
			t.Errorf("%q: %v, %v", name, id, err)
		}
	}
	load("", made.Signing.Public())
	load(defaultKey, made.Signing.Public())
	t.Setenv(passphraseVariable, "wrong")
	load("", made.Signing.Public())
	if _, err := loadIdentity(t.Context(), "joe"); !fault.Is(err, fault.BadPassphrase) {
		t.Error(err)
	}
	t.Setenv(passphraseVariable, "correct horse")
	joe, err := folder.Read("joe")
	if err != nil {
		t.Fatal(err)
	}
	load("joe", joe.Public.Signing)

	if err := os.Chmod(folder.Path(defaultKey), 0o644); err != nil {
		t.Fatal(err)
	}
	if id, err := loadIdentity(t.Context(), ""); id != nil || !fault.Is(err, fault.BadConfig) {
		t.Error("a default key that others can read passes for none:", id, err)
	}
}

// A question for a passphrase ends when its command is interrupted.
func TestAskEndsWithItsCommand(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	interrupted := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(interrupted) })
	if _, err := ask(ctx, tty, "? "); !errors.Is(err, interrupted) {
		t.Error(err)
	}
}
