package https

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/keys/sshkey"
)

// keyset is the keys of an owner, each once, in the order in which they came.
type keyset struct {
	keys [][]byte
	ids  []event.Hash // of those, and of keys of which there is no more
	bare []event.Hash // of the latter alone
}

func (k *keyset) add(key keys.PublicKey) {
	if !slices.Contains(k.ids, key.ID()) {
		k.keys, k.ids = append(k.keys, key.Bytes()), append(k.ids, key.ID())
	}
}

func (k *keyset) addID(id event.Hash) {
	if !slices.Contains(k.ids, id) {
		k.bare, k.ids = append(k.bare, id), append(k.ids, id)
	}
}

// grant is the answer that grants a chain to the keys, of which there must be one
// at least: without, anybody could write.
func (k *keyset) grant() auth.Answer { return auth.Answer{RootKeys: k.keys, RootKeyIDs: k.bare} }

// parseKeys reads the keys of an owner in a key document. The error is a part of
// a sentence.
func parseKeys(texts []string) (*keyset, error) {
	var set keyset
	for i, text := range texts { // ids come last, so that a key and its id count once
		if strings.HasPrefix(text, "atekey1") {
			continue
		}
		key, err := parseKey(text)
		if err != nil {
			return nil, fmt.Errorf("key %d is not one: %s", i+1, fault.From(err).Reason)
		}
		set.add(key)
	}
	for i, text := range texts {
		if !strings.HasPrefix(text, "atekey1") {
			continue
		}
		id, err := keys.ParseID(text)
		if err != nil {
			return nil, fmt.Errorf("key %d is not one: %s", i+1, fault.From(err).Reason)
		}
		set.addID(id)
	}
	return &set, nil
}

func parseKey(text string) (keys.PublicKey, error) {
	if strings.HasPrefix(text, "ate-identity-") {
		identity, err := keys.ParsePublicIdentity(text)
		return identity.Signing, err
	}
	return keys.ParsePublicKeyText(text)
}

// parseSSHKeys reads a list of SSH keys, and passes over what is no Ed25519 key
// of which there is nothing more to say. More than an answer may have are an
// error, which is a part of a sentence.
func parseSSHKeys(text []byte) (*keyset, error) {
	var set keyset
	for line := range strings.Lines(string(text)) {
		key, _, err := sshkey.ParsePublic(strings.TrimRight(line, "\r\n"))
		if err != nil {
			continue
		}
		if set.add(key); len(set.keys) > auth.MaxRootKeys {
			return nil, fmt.Errorf("there are more than %d", auth.MaxRootKeys)
		}
	}
	return &set, nil
}
