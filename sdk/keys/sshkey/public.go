package sshkey

import (
	"crypto/ed25519"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// MaxLine is the longest line that ParsePublic takes, in bytes.
const MaxLine = 16 << 10

// ParsePublic parses one line with a public key, and returns its comment too. A
// key of another kind than ssh-ed25519 is a not_supported fault, anything else
// than a key a bad_request fault.
func ParsePublic(line string) (key keys.PublicKey, comment string, err error) {
	switch {
	case len(line) > MaxLine:
		return key, "", fault.New(fault.TooLarge, "a line with an SSH key has %d bytes; at most %d are allowed", len(line), MaxLine)
	case strings.ContainsAny(line, "\r\n"):
		return key, "", fault.New(fault.BadRequest, "a public SSH key is one line; there are several")
	}
	public, comment, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	switch {
	case err != nil:
		return key, "", fault.New(fault.BadRequest, "this is no public SSH key, which looks like ssh-ed25519 AAAA… comment: %.100q", line)
	case public.Type() != ssh.KeyAlgoED25519:
		return key, "", fault.New(fault.Unsupported, "the SSH key %s is of the kind %s; only %s is supported", comment, public.Type(), ssh.KeyAlgoED25519)
	case len(options) > 0:
		return key, "", fault.New(fault.Unsupported, "the SSH key %s has options before it (%.100q), which mean nothing here; remove them", comment, options)
	}
	raw, ok := public.(ssh.CryptoPublicKey).CryptoPublicKey().(ed25519.PublicKey)
	if !ok {
		return key, "", fault.New(fault.Internal, "the SSH key %s says that it is %s, and is not", comment, ssh.KeyAlgoED25519)
	}
	key, err = keys.Ed25519PublicKey(raw)
	return key, comment, err
}
