package keys

import (
	"encoding/base64"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

// What the text of public keys begins with, before a version.
const (
	signScheme     = "ate-sign"
	readScheme     = "ate-read"
	identityScheme = "ate-identity"
	textVersion    = "-v1:"
)

// maxText bounds a text before it is decoded, in bytes.
const maxText = 8 << 10

// base64URL refuses what is not the one text of some bytes.
var base64URL = base64.RawURLEncoding.Strict()

// Text returns the whole key as one line, without a line break; "" for no key.
func (k PublicKey) Text() string {
	if k.IsZero() {
		return ""
	}
	return signScheme + textVersion + base64URL.EncodeToString(k.encoded)
}

// String returns the key's id as text, or "no key".
func (k PublicKey) String() string {
	if k.IsZero() {
		return "no key"
	}
	return FormatID(k.id)
}

// ParsePublicKeyText parses what Text returns.
func ParsePublicKeyText(text string) (PublicKey, error) {
	body, err := cutScheme(text, signScheme)
	if err != nil {
		return PublicKey{}, err
	}
	encoded, err := decodeBase64(body, "public signing key")
	if err != nil {
		return PublicKey{}, err
	}
	return ParsePublicKey(encoded)
}

// Text returns the whole key as one line, without a line break; "" for no key.
func (k ReadPublicKey) Text() string {
	if k.IsZero() {
		return ""
	}
	return readScheme + textVersion + base64URL.EncodeToString(k.encoded)
}

// String returns the key's id as text, or "no key".
func (k ReadPublicKey) String() string {
	if k.IsZero() {
		return "no key"
	}
	return FormatID(k.id)
}

// ParseReadPublicKeyText parses what Text returns.
func ParseReadPublicKeyText(text string) (ReadPublicKey, error) {
	body, err := cutScheme(text, readScheme)
	if err != nil {
		return ReadPublicKey{}, err
	}
	encoded, err := decodeBase64(body, "public read key")
	if err != nil {
		return ReadPublicKey{}, err
	}
	return ParseReadPublicKey(encoded)
}

// cutScheme returns what follows the scheme and version in a text.
func cutScheme(text, scheme string) (string, error) {
	if len(text) > maxText {
		return "", fault.New(fault.TooLarge, "a text that should begin with %s%s has %d characters; at most %d are allowed", scheme, textVersion, len(text), maxText)
	}
	body, ok := strings.CutPrefix(text, scheme+textVersion)
	if ok {
		return body, nil
	}
	if strings.HasPrefix(text, scheme+"-v") {
		return "", fault.New(fault.Unsupported, "a text begins with %s-v and another version than 1; a newer release may read it", scheme)
	}
	return "", fault.New(fault.BadRequest, "a text should begin with %s%s and does not; give the whole line", scheme, textVersion)
}

func decodeBase64(text, what string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // which base64 passes over
		return nil, fault.New(fault.BadRequest, "a %s's text has a line break in it", what)
	}
	raw, err := base64URL.DecodeString(text)
	if err != nil {
		return nil, fault.New(fault.BadRequest, "a %s's text is not good base64url: %w", what, err)
	}
	return raw, nil
}
