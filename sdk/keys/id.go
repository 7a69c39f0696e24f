package keys

import (
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

const (
	idPrefix = "atekey"
	// idLength is the length of a key id's text: prefix, "1", 32 bytes in
	// 5-bit digits, checksum.
	idLength = len(idPrefix) + 1 + (len(event.Hash{})*8+4)/5 + bech32Checksum
)

// FormatID returns the text of a key's id, such as atekey1…, in 65 characters
// with a checksum. It is what people compare: a fingerprint.
func FormatID(id event.Hash) string { return encodeBech32m(idPrefix, id[:]) }

// ParseID parses what FormatID returns, in small letters or in capitals.
func ParseID(text string) (event.Hash, error) {
	if len(text) != idLength {
		return event.Hash{}, fault.New(fault.BadRequest, "a key's id has %d characters; it begins with %s1 and has %d", len(text), idPrefix, idLength)
	}
	prefix, data, err := decodeBech32m(text)
	if err != nil {
		return event.Hash{}, fault.New(fault.BadRequest, "the text %q is no key's id: %s", text, fault.From(err).Reason)
	}
	if prefix != idPrefix || len(data) != len(event.Hash{}) {
		return event.Hash{}, fault.New(fault.BadRequest, "the text %q is no key's id, which begins with %s1", text, idPrefix)
	}
	return event.Hash(data), nil
}
