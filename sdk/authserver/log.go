package authserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/atedb/atedb/sdk/chainname"
)

// LogName is the name of the chain that is a server's log.
const LogName chainname.Name = "auth/accounts"

// UserKey returns the key of the object that holds a user's advert.
func UserKey(name string) []byte { return objectKey("user/", name) }

// GroupKey returns the key of the object that holds a group's statement.
func GroupKey(name string) []byte { return objectKey("group/", name) }

// EarlierKey returns the key of the object that keeps a statement which was the
// newest of an object once.
func EarlierKey(key []byte, number uint64) []byte {
	return strconv.AppendUint(append(bytes.Clone(key), '/'), number, 10)
}

func objectKey(prefix, name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return hex.AppendEncode([]byte(prefix), sum[:])
}
