package main

import (
	"context"
	"os"

	"golang.org/x/term"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/keys/keyfile"
	"github.com/atedb/atedb/sdk/keys/sshkey"
)

// passphraseVariable is the environment variable that spares the question for
// a passphrase.
const passphraseVariable = "ATE_PASSPHRASE"

// loadKeys loads what the flags say to write and read with. With an SSH key
// nothing is read, unless a key for that is named too.
func (set *settings) loadKeys(ctx context.Context) error {
	var err error
	if set.sshKey == "" || set.key != "" {
		if set.identity, err = loadIdentity(ctx, set.key); err != nil {
			return err
		}
	}
	if set.sshKey != "" {
		set.signer, err = loadSSHKey(ctx, set.sshKey)
	} else if set.identity != nil {
		set.signer = set.identity.Signing
	}
	return err
}

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
	if passphrase := os.Getenv(passphraseVariable); passphrase != "" {
		return passphrase, nil
	}
	tty, err := openTerminal()
	if err != nil {
		return "", fault.New(fault.BadPassphrase, "the key %q is protected with a passphrase, and there is no terminal to ask for it; set %s", name, passphraseVariable)
	}
	defer tty.Close()
	return ask(ctx, tty, "Passphrase of the key "+name+": ")
}

// newPassphrase returns the passphrase of a key to be made.
func newPassphrase(ctx context.Context, name string) (string, error) {
	if passphrase := os.Getenv(passphraseVariable); passphrase != "" {
		return passphrase, nil
	}
	tty, err := openTerminal()
	if err != nil {
		return "", fault.New(fault.BadPassphrase, "a new key needs a passphrase, and there is no terminal to ask for one; set %s, or give --no-passphrase", passphraseVariable)
	}
	defer tty.Close()
	passphrase, err := ask(ctx, tty, "New passphrase of the key "+name+": ")
	if err != nil {
		return "", err
	}
	if passphrase == "" {
		return "", fault.New(fault.BadPassphrase, "the passphrase is empty; to have none, give --no-passphrase")
	}
	again, err := ask(ctx, tty, "The same again: ")
	if err != nil {
		return "", err
	}
	if again != passphrase {
		return "", fault.New(fault.BadPassphrase, "the two passphrases differ; nothing was made")
	}
	return passphrase, nil
}

// openTerminal opens the terminal itself, so that standard input stays free
// for values.
func openTerminal() (*os.File, error) { return os.OpenFile("/dev/tty", os.O_RDWR, 0) }

// ask returns a line that the terminal does not show. When ctx ends, so does
// the question, and the terminal is as it was; the goroutine that waits for
// the line then lives as long as the process, which is about to end.
func ask(ctx context.Context, tty *os.File, question string) (string, error) {
	terminal := int(tty.Fd())
	before, err := term.GetState(terminal)
	if err != nil {
		return "", fault.New(fault.BadPassphrase, "asking for a passphrase: %w", err)
	}
	if _, err := tty.WriteString(question); err != nil {
		return "", fault.New(fault.BadPassphrase, "asking for a passphrase: %w", err)
	}
	type answer struct {
		line []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		line, err := term.ReadPassword(terminal)
		answers <- answer{line, err}
	}()
	select {
	case a := <-answers:
		_, _ = tty.WriteString("\n")
		if a.err != nil {
			return "", fault.New(fault.BadPassphrase, "reading a passphrase: %w", a.err)
		}
		return string(a.line), nil
	case <-ctx.Done():
		_ = term.Restore(terminal, before)
		_, _ = tty.WriteString("\n")
		return "", context.Cause(ctx)
	}
}
