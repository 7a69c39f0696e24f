package authserver

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/atedb/atedb/sdk/chainname"
)

// LogName is the name of the chain that is a server's log.
const LogName chainname.Name = "auth/accounts"

// UserKey returns the key of the object that holds a user's advert.
func UserKey(name string) []byte { return objectKey("user/", name) }

// GroupKey returns the key of the object that holds a group's statement.
func GroupKey(name string) []byte { return objectKey("group/", name) }

func objectKey(prefix, name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return hex.AppendEncode([]byte(prefix), sum[:])
}
