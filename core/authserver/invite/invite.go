// Package invite is the codes with which an operator lets somebody register a
// name.
//
// # Format
//
// A code is 32 letters and digits: base32 (RFC 4648) in small letters of
//
//	offset  size  field
//	     0     5  until when it is good, seconds since 1970, big-endian
//	     5    15  the first bytes of HMAC-SHA-256, with the inviter's key, of
//	              "AteDB invite v1" ‖ 0x00 ‖ the 5 bytes before ‖ name
//
// It is good for one name, and so for one use: the name is taken then. The
// inviter's key comes from the seed of the server's signing key, by HKDF-SHA-256
// (RFC 5869) without a salt and with the info "AteDB auth-server invites v1".
// ExampleInviter_Code shows a code.
package invite

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

const (
	info      = "AteDB auth-server invites v1"
	domain    = "AteDB invite v1\x00"
	untilSize = 5
	codeSize  = untilSize + 15

	codeLength = codeSize * 8 / 5 // of the text
)

// MaxAge is the longest that a code is good for.
const MaxAge = 366 * 24 * time.Hour

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Inviter makes codes and checks them. It prints as [secret].
type Inviter struct{ mac func(message []byte) []byte }

// New returns the inviter of the server with a signing key.
func New(key *keys.SigningKey) (*Inviter, error) {
	secret, err := hkdf.Key(sha256.New, key.Seed(), nil, info, sha256.Size)
	if err != nil {
		return nil, fault.New(fault.Internal, "deriving the key of invites: %w", err)
	}
	return &Inviter{mac: func(message []byte) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write(message)
		return h.Sum(nil)
	}}, nil
}

// Format hides the key.
func (Inviter) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "[secret]") }

// Code returns the code for a name, good until a time.
func (i *Inviter) Code(name string, until time.Time) string {
	return encoding.EncodeToString(i.code(name, uint64(until.Unix())))
}

func (i *Inviter) code(name string, until uint64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], until)
	head := b[len(b)-untilSize:]
	sum := i.mac([]byte(domain + string(head) + name))
	return append(head[:untilSize:untilSize], sum[:codeSize-untilSize]...)
}

// Check returns why a code does not let somebody register a name: a denied
// fault, or nil.
func (i *Inviter) Check(code, name string, now time.Time) error {
	code = strings.TrimSpace(code)
	b, err := encoding.DecodeString(strings.ToLower(code))
	if len(code) != codeLength || err != nil {
		return fault.New(fault.Denied, "this is not an invite, which has %d letters and digits; copy it whole", codeLength)
	}
	until := binary.BigEndian.Uint64(append(make([]byte, 8-untilSize, 8), b[:untilSize]...))
	if !hmac.Equal(i.code(name, until), b) {
		return fault.New(fault.Denied, "the invite is not one for %s; ask the server's operator for one", name)
	}
	if now.Unix() > int64(until) {
		return fault.New(fault.Denied, "the invite was good until %s; ask the server's operator for another", time.Unix(int64(until), 0).UTC().Format(time.RFC3339))
	}
	return nil
}
