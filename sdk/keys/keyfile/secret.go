package keyfile

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// The base-2 logarithm of scrypt's cost. A cost takes 1 KiB of memory.
const (
	workFactor    = 17 // of files that we write
	maxWorkFactor = 18 // of files that we read; age's own default
)

const secretSize = keys.SigningSeedSize + keys.ReadSeedSize

var base64URL = base64.RawURLEncoding.Strict()

func encodeSecret(id *keys.Identity, passphrase string, workFactor int) (string, error) {
	secret := append(id.Signing.Seed(), id.Read.Seed()...)
	defer clear(secret)
	if passphrase == "" {
		return base64URL.EncodeToString(secret) + "\n", nil
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return "", fault.New(fault.BadPassphrase, "taking a passphrase: %w", err)
	}
	recipient.SetWorkFactor(workFactor)
	var text strings.Builder
	armored := armor.NewWriter(&text)
	w, err := age.Encrypt(armored, recipient)
	if err == nil {
		_, err = w.Write(secret)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		err = armored.Close()
	}
	if err != nil {
		return "", fault.New(fault.Internal, "encrypting a key: %w", err)
	}
	return text.String(), nil
}

// Open returns the file's identity. The passphrase is for encrypted files, and
// is not looked at for others; decrypting takes about half a second and
// 128 MiB.
//
// A passphrase that does not open the file is a fault with code
// bad_passphrase; a damaged file is one with code damaged.
func (f *File) Open(passphrase string) (*keys.Identity, error) {
	secret, err := f.openSecret(passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	if len(secret) != secretSize {
		return nil, fault.New(fault.Damaged, "the key file of %q is damaged: its secret part has %d bytes; %d are needed", f.Public.Name, len(secret), secretSize)
	}
	id := &keys.Identity{Name: f.Public.Name}
	if id.Signing, err = keys.SigningKeyFromSeed(secret[:keys.SigningSeedSize]); err != nil {
		return nil, err
	}
	if id.Read, err = keys.ReadKeyFromSeed(secret[keys.SigningSeedSize:]); err != nil {
		return nil, err
	}
	if public := id.Public(); public.Signing.ID() != f.Public.Signing.ID() || public.Read.ID() != f.Public.Read.ID() {
		return nil, fault.New(fault.Damaged, "the key file of %q is damaged or tampered with: its public keys are not those of its secret ones", f.Public.Name)
	}
	return id, nil
}

func (f *File) openSecret(passphrase string) ([]byte, error) {
	if f.Encrypted {
		return f.decrypt(passphrase)
	}
	text, ended := strings.CutSuffix(f.secret(), "\n")
	if !ended || len(text) != base64URL.EncodedLen(secretSize) {
		return nil, fault.New(fault.Damaged, "the key file of %q is damaged: its secret part does not have one line of %d characters", f.Public.Name, base64URL.EncodedLen(secretSize))
	}
	secret, err := base64URL.DecodeString(text)
	if err != nil { // the error is left out, since it could show a part of the secret
		return nil, fault.New(fault.Damaged, "the key file of %q is damaged: its secret part is not base64url", f.Public.Name)
	}
	return secret, nil
}

func (f *File) decrypt(passphrase string) ([]byte, error) {
	if passphrase == "" {
		return nil, fault.New(fault.BadPassphrase, "the key %q is protected with a passphrase, and none was given", f.Public.Name)
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fault.New(fault.BadPassphrase, "taking a passphrase: %w", err)
	}
	identity.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(f.secret())), identity)
	var secret []byte
	if err == nil {
		secret, err = io.ReadAll(io.LimitReader(r, secretSize+1))
	}
	switch {
	case errors.Is(err, age.ErrIncorrectIdentity):
		return nil, fault.New(fault.BadPassphrase, "the passphrase does not open the key %q", f.Public.Name)
	case err != nil: // the error is left out, since it could show what stands in the file
		return nil, fault.New(fault.Damaged, "the key file of %q is damaged, or encrypted at more than scrypt's cost of 2^%d", f.Public.Name, maxWorkFactor)
	}
	return secret, nil
}
