package accounts

import (
	"crypto/rand"

	"github.com/atedb/atedb/sdk/fault"
)

// The head of a private record.
const (
	recordVersion = 1
	saltSize      = 16
	recordHead    = 1 + saltSize
)

// seal returns a private record with a body.
func seal(body ...[]byte) []byte {
	b := make([]byte, recordHead, recordHead+256)
	b[0] = recordVersion
	rand.Read(b[1:])
	for _, part := range body {
		b = append(b, part...)
	}
	return b
}

// unseal returns the body of a private record, of which the first least bytes
// must be there. The error names what it is.
func unseal(record []byte, what kind, least int) ([]byte, error) {
	if len(record) < recordHead+least {
		return nil, fault.New(fault.Damaged, "a record of type %s has %d bytes; at least %d are needed", what.eventType, len(record), recordHead+least)
	}
	if v := record[0]; v != recordVersion {
		return nil, fault.New(fault.Unsupported, "a record of type %s has version %d; this program knows version %d: upgrade it", what.eventType, v, recordVersion)
	}
	return record[recordHead:], nil
}
