package account

import (
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/sealed"
)

// TOTPKeySize is the size of the key that seals the secret of time-based codes,
// in bytes.
const TOTPKeySize = sealed.KeySize

// maxTOTP bounds a sealed secret in a vault, in bytes.
const maxTOTP = 256

const totpLabel = "ate totp secret v1\x00"

// SealTOTP seals the secret of a user's time-based codes with the key that his
// passphrase gives. A key of another size, or a secret that is empty or too
// long, is a fault with code bad_request.
func SealTOTP(key, secret []byte, name Name) ([]byte, error) {
	if len(key) != TOTPKeySize || len(secret) == 0 || len(secret) > maxTOTP-sealed.Overhead {
		return nil, fault.New(fault.BadRequest, "the secret of time-based codes has %d bytes and its key %d; 1 to %d and %d are needed", len(secret), len(key), maxTOTP-sealed.Overhead, TOTPKeySize)
	}
	return sealed.Seal(key, []byte(totpLabel+string(name)), secret), nil
}

// OpenTOTP returns the secret that SealTOTP sealed. If the key is not the one it
// was sealed with for this user, that is a fault with code bad_passphrase.
func OpenTOTP(key, sealedSecret []byte, name Name) ([]byte, error) {
	if len(key) != TOTPKeySize {
		return nil, fault.New(fault.BadRequest, "the key of the secret of time-based codes has %d bytes; %d are needed", len(key), TOTPKeySize)
	}
	secret, err := sealed.Open(key, []byte(totpLabel+string(name)), sealedSecret)
	if err != nil {
		return nil, fault.New(fault.BadPassphrase, "opening the secret of the time-based codes of %s: %w", name, err)
	}
	return secret, nil
}
