package ldap

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
)

// What the values that are keys begin with.
const (
	identityPrefix = "ate-identity-v"
	signPrefix     = "ate-sign-v"
	idPrefix       = "atekey1"
)

// keySet collects the keys of an owner, each once. The zero value has none.
type keySet struct {
	found  map[event.Hash][]byte // by id; nil where only the id is known
	broken int                   // values that begin like a key and are none
}

// addValues adds those of an attribute's values that are keys. It stops once
// there are more than an answer may have.
func (s *keySet) addValues(values []string) {
	for _, value := range values {
		if s.size() > auth.MaxRootKeys {
			return
		}
		value = strings.TrimSpace(value)
		switch {
		case strings.HasPrefix(value, identityPrefix):
			identity, err := keys.ParsePublicIdentity(value)
			s.add(identity.Signing.ID(), identity.Signing.Bytes(), err)
		case strings.HasPrefix(value, signPrefix):
			key, err := keys.ParsePublicKeyText(value)
			s.add(key.ID(), key.Bytes(), err)
		case strings.HasPrefix(value, idPrefix):
			id, err := keys.ParseID(value)
			s.add(id, nil, err)
		}
	}
}

// add adds a key, or only its id if encoded is nil.
func (s *keySet) add(id event.Hash, encoded []byte, err error) {
	if err != nil {
		s.broken++
		return
	}
	if s.found == nil {
		s.found = make(map[event.Hash][]byte)
	}
	if encoded != nil || s.found[id] == nil {
		s.found[id] = encoded
	}
}

// size is the number of different keys.
func (s *keySet) size() int { return len(s.found) }

// grant is the answer that these keys own a chain; there is at least one. It is
// the same for the same keys, in whatever order they came.
func (s *keySet) grant() auth.Answer {
	var a auth.Answer
	byBytes := func(a, b event.Hash) int { return bytes.Compare(a[:], b[:]) }
	for _, id := range slices.SortedFunc(maps.Keys(s.found), byBytes) {
		if encoded := s.found[id]; encoded != nil {
			a.RootKeys = append(a.RootKeys, encoded)
		} else {
			a.RootKeyIDs = append(a.RootKeyIDs, id)
		}
	}
	return a
}
