package token

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/privatefile"
)

const (
	fileMode = 0o600
	others   = 0o077 // the mode's bits of the group and of others
)

// WriteFile stores the token in a file of mode 0600, whole and durable or not at
// all. It takes the place of another token, but of no other file: that is a
// fault with code bad_config.
func (t *Token) WriteFile(path string) error {
	if err := checkReplaceable(path); err != nil {
		return err
	}
	if err := privatefile.Replace(path, []byte(t.Text()+"\n")); err != nil {
		return fault.New(fault.BadConfig, "writing a token: %w", err)
	}
	return nil
}

// checkReplaceable refuses a path where something else than a token stands.
func checkReplaceable(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.New(fault.BadConfig, "writing a token: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fault.New(fault.BadConfig, "%s is not a file, so no token is written there; choose another path", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return fault.New(fault.BadConfig, "writing a token: %w", err)
	}
	defer file.Close()
	beginning := make([]byte, len(prefix))
	n, err := io.ReadFull(file, beginning)
	if n > 0 && !bytes.Equal(beginning[:n], []byte(prefix)) || err != nil && n > 0 {
		return fault.New(fault.BadConfig, "%s holds something else than a token, so none is written there; choose another path", path)
	}
	return nil
}

// ReadFile reads the token in a file. None is a fault with code not_found; a file
// that others than its owner can read or write is one with code bad_config.
func ReadFile(path string) (*Token, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "there is no token in %s; get one with: ate login", path)
	}
	if err == nil && !info.Mode().IsRegular() { // a pipe would hold up who opens it
		return nil, fault.New(fault.BadConfig, "%s is not a file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading a token: %w", err)
	}
	defer file.Close()
	info, err = file.Stat()
	switch {
	case err != nil:
		return nil, fault.New(fault.BadConfig, "reading a token: %w", err)
	case info.Mode()&others != 0:
		return nil, fault.New(fault.BadConfig, "%s holds a token and has mode %04o, so others can use it; run: chmod 600 %s, and revoke the token if they may have", path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(file, MaxText+1))
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading a token: %w", err)
	}
	defer clear(text)
	t, err := Parse(string(text))
	if err != nil {
		return nil, fault.New(fault.CodeOf(err), "reading %s: %w", path, err)
	}
	return t, nil
}
