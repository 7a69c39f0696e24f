package account

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

const (
	recoverySize  = 20 // random bytes of a recovery code: 32 characters
	checksumChars = 4  // that follow
	recoveryGroup = 4  // characters between two dashes
	recoveryLabel = "ate recovery code v1\x00"
)

// recoveryAlphabet is that of Crockford's base32, without i, l, o and u.
const recoveryAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

var recoveryEncoding = base32.NewEncoding(recoveryAlphabet).WithPadding(base32.NoPadding)

// newRecoveryCode returns a random code.
func newRecoveryCode() string {
	secret := make([]byte, recoverySize)
	rand.Read(secret)
	return formatRecovery(secret)
}

func formatRecovery(secret []byte) string {
	text := recoveryEncoding.EncodeToString(secret) + recoveryChecksum(secret)
	groups := make([]string, 0, len(text)/recoveryGroup)
	for i := 0; i < len(text); i += recoveryGroup {
		groups = append(groups, text[i:i+recoveryGroup])
	}
	return strings.Join(groups, "-")
}

// recoveryChecksum returns the first 20 bits of a hash.
func recoveryChecksum(secret []byte) string {
	sum := sha256.Sum256(append([]byte(recoveryLabel), secret...))
	return recoveryEncoding.EncodeToString(sum[:5])[:checksumChars]
}

// parseRecovery returns the bytes of a code as people type it.
func parseRecovery(code string) ([]byte, error) {
	const chars = recoverySize*8/5 + checksumChars
	if len(code) > 4*chars {
		return nil, fault.New(fault.BadPassphrase, "a recovery code has %d characters; one has %d, in groups of %d", len(code), chars, recoveryGroup)
	}
	text := strings.NewReplacer("-", "", " ", "", "\t", "", "\n", "", "\r", "", "o", "0", "i", "1", "l", "1").Replace(strings.ToLower(code))
	if len(text) != chars {
		return nil, fault.New(fault.BadPassphrase, "a recovery code has %d characters; one has %d, in groups of %d", len(text), chars, recoveryGroup)
	}
	secret, err := recoveryEncoding.DecodeString(text[:chars-checksumChars])
	if err != nil {
		return nil, fault.New(fault.BadPassphrase, "a recovery code has a character that none has; it has digits and small letters without i, l, o and u")
	}
	if !bytes.Equal([]byte(recoveryChecksum(secret)), []byte(text[chars-checksumChars:])) {
		return nil, fault.New(fault.BadPassphrase, "the recovery code was mistyped: its last %d characters do not fit the others; compare it with what you wrote down", checksumChars)
	}
	return secret, nil
}
