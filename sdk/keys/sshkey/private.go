package sshkey

import (
	"crypto/ed25519"
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/crypto/ssh"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// MaxFile is the largest file with a private key, in bytes.
const MaxFile = 64 << 10

const othersMay = 0o077 // the mode's bits of the group and of others

// File is a file with a private key. It prints without it.
type File struct {
	Encrypted bool // with a passphrase
	pem       func() []byte
}

// ReadFile reads a file, and does not open it yet. None there is a fault with
// code not_found.
func ReadFile(path string) (*File, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.NotFound, "there is no SSH key %s", path)
	case err != nil:
		return nil, fault.New(fault.BadConfig, "reading an SSH key: %w", err)
	case !info.Mode().IsRegular():
		return nil, fault.New(fault.BadConfig, "the SSH key %s is not a regular file", path)
	case info.Mode().Perm()&othersMay != 0:
		return nil, fault.New(fault.BadConfig, "the SSH key %s may be read or written by others (mode %04o); run chmod 600 on it", path, info.Mode().Perm())
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading an SSH key: %w", err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, MaxFile+1))
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading an SSH key: %w", err)
	}
	parsed, err := Parse(raw)
	if err != nil {
		return nil, fault.New(fault.CodeOf(err), "reading %s: %w", path, err)
	}
	return parsed, nil
}

// Parse parses a file, and does not open it yet. It keeps the bytes. What is no
// file with a private key is a fault with code bad_request, a key of another kind
// than Ed25519 one with code not_supported.
func Parse(raw []byte) (*File, error) {
	if len(raw) > MaxFile {
		return nil, fault.New(fault.TooLarge, "a file with an SSH key has more than %d bytes", MaxFile)
	}
	f := &File{pem: func() []byte { return raw }}
	private, err := ssh.ParseRawPrivateKey(raw)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		f.Encrypted = true
		if locked.PublicKey != nil && locked.PublicKey.Type() != ssh.KeyAlgoED25519 {
			return nil, otherKind(locked.PublicKey.Type())
		}
		return f, nil
	case err != nil: // the error is left out, since it could show what stands in the file
		return nil, fault.New(fault.BadRequest, "this is no private SSH key, as ssh-keygen -t ed25519 makes one")
	}
	_, err = signingKey(private)
	return f, err
}

// Open returns the file's key. The passphrase is for encrypted files, and is not
// looked at for others. One that does not open the file is a fault with code
// bad_passphrase.
func (f *File) Open(passphrase string) (*keys.SigningKey, error) {
	var private any
	var err error
	switch {
	case !f.Encrypted:
		private, err = ssh.ParseRawPrivateKey(f.pem())
	case passphrase == "":
		return nil, fault.New(fault.BadPassphrase, "the SSH key is protected with a passphrase, and none was given")
	default:
		private, err = ssh.ParseRawPrivateKeyWithPassphrase(f.pem(), []byte(passphrase))
	}
	if err != nil { // the error is left out, as above
		return nil, fault.New(fault.BadPassphrase, "the passphrase does not open the SSH key")
	}
	return signingKey(private)
}

func signingKey(private any) (*keys.SigningKey, error) {
	switch key := private.(type) {
	case *ed25519.PrivateKey:
		return keys.Ed25519SigningKey(*key)
	case ed25519.PrivateKey: // in PKCS #8
		return keys.Ed25519SigningKey(key)
	}
	return nil, otherKind("another kind")
}

func otherKind(kind string) error {
	return fault.New(fault.Unsupported, "the SSH key is of %s; only %s is supported, which ssh-keygen -t ed25519 makes", kind, ssh.KeyAlgoED25519)
}
