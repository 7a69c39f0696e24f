// Package loginfile is the file that ate login leaves: a token and the user's
// read keys. The user's signing key is not in it.
//
// # Format
//
// The file is lines that each end in a newline:
//
//	ate login 1
//	token ate-token-v1:…
//	read SEED
//	sum SUM
//
// There is a line read for each of the user's read keys, the newest last, with
// its seed in base64url without padding, as package keys has it; at least one. The sum is
// the first eight bytes of the SHA-256 of all lines before it, in hexadecimal.
// Another version is an error of its own.
//
// It has mode 0600, in a folder that is made with 0700. One that others can read
// or write is refused.
package loginfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/token"
)

const (
	first = "ate login "

	version  = "1"
	maxReads = account.MaxKeys
	maxFile  = token.MaxText + maxReads*64 + 200 // bytes
)

// Login is what a file holds. Its keys print as secrets do.
type Login struct {
	Token   *token.Token
	Readers []*keys.ReadKey // the user's, the newest last; at least one
}

var base64URL = base64.RawURLEncoding.Strict()

// Encode returns the file. It is as secret as the keys.
func (l *Login) Encode() []byte {
	var b bytes.Buffer
	b.WriteString(first + version + "\ntoken " + l.Token.Text() + "\n")
	for _, k := range l.Readers[max(0, len(l.Readers)-maxReads):] {
		b.WriteString("read " + base64URL.EncodeToString(k.Seed()) + "\n")
	}
	b.WriteString("sum " + sum(b.String()) + "\n")
	return b.Bytes()
}

func sum(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:8])
}

// Parse parses what Encode returns.
func Parse(raw []byte) (*Login, error) {
	if len(raw) > maxFile {
		return nil, fault.New(fault.Damaged, "it has %d bytes; at most %d are allowed", len(raw), maxFile)
	}
	text := string(raw)
	head, _, _ := strings.Cut(text, "\n")
	if v, ok := strings.CutPrefix(head, first); ok && v != version && v != "" && strings.Trim(v, "0123456789") == "" {
		return nil, fault.New(fault.Unsupported, "it is of version %.20s, and this program knows version %s", v, version)
	}
	at := strings.LastIndex(strings.TrimSuffix(text, "\n"), "\n") + 1
	if head != first+version || text[at:] != "sum "+sum(text[:at])+"\n" {
		return nil, fault.New(fault.Damaged, "it is not a login, or was changed")
	}
	lines := strings.Split(strings.TrimSuffix(text[:at], "\n"), "\n")[1:]
	if len(lines) < 2 || len(lines) > 1+maxReads {
		return nil, fault.New(fault.Damaged, "it has %d lines; a token and 1 to %d read keys are needed", len(lines), maxReads)
	}
	l := new(Login)
	word, ok := strings.CutPrefix(lines[0], "token ")
	if !ok || strings.TrimSpace(word) != word {
		return nil, fault.New(fault.Damaged, "its second line is no token")
	}
	var err error
	if l.Token, err = token.Parse(word); err != nil {
		return nil, err
	}
	for i, line := range lines[1:] {
		word, ok := strings.CutPrefix(line, "read ")
		seed, err := base64URL.DecodeString(word)
		if !ok || err != nil || strings.ContainsAny(word, "\r\n") {
			return nil, fault.New(fault.Damaged, "its line %d is no read key", i+3)
		}
		key, err := keys.ReadKeyFromSeed(seed)
		if err != nil {
			return nil, err
		}
		l.Readers = append(l.Readers, key)
	}
	return l, nil
}
