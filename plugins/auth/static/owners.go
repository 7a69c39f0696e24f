package static

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// public is the value of an owner whose chains anyone may write.
const public = "public"

// everyone is the owner that answers for those that no other does.
const everyone = "*"

// owners holds the root keys of each owner. Without keys anyone may write.
type owners map[string]keySet

// keySet is keys, and keys of which only the ids are known.
type keySet struct {
	keys [][]byte
	ids  []event.Hash
}

// find returns the keys of a chain by the most exact owner there is.
func (o owners) find(chain chainname.Name) (keys keySet, found bool) {
	candidates := []string{chain.Owner(), everyone}
	if !chain.IsGroup() {
		candidates = []string{chain.Owner(), "*@" + chain.Domain(), everyone}
	}
	for _, owner := range candidates {
		if keys, found = o[owner]; found {
			return keys, true
		}
	}
	return keySet{}, false
}

// parseOwners reads an owners file. Its errors are bad_config faults that name
// the line and the owner; where says in what.
func parseOwners(where string, text []byte) (owners, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document yaml.Node
	err := decoder.Decode(&document)
	switch {
	case errors.Is(err, io.EOF):
		return nil, fault.New(fault.BadConfig, "%s is empty; list the owners, or write {} to deny everyone", where)
	case err != nil:
		return nil, fault.New(fault.BadConfig, "%s is not valid YAML: %s", where, oneLine(err))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fault.New(fault.BadConfig, "%s goes on after its first YAML document; write one mapping of owners", where)
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fault.New(fault.BadConfig, "%s, line %d: this is not a mapping from owners to %q or a list of keys", where, root.Line, public)
	}
	parsed := make(owners, len(root.Content)/2)
	for i := 0; i < len(root.Content); i += 2 {
		owner, value := root.Content[i], root.Content[i+1]
		if err := parsed.add(owner, value); err != nil {
			return nil, fault.New(fault.BadConfig, "%s, line %d, owner %.100q: %w", where, max(owner.Line, lineOf(err)), owner.Value, err)
		}
	}
	return parsed, nil
}

// lineError is what is wrong with an owner, and the line where.
type lineError struct {
	line   int
	reason string
}

func (e *lineError) Error() string { return e.reason }

func wrong(at *yaml.Node, format string, args ...any) error {
	return &lineError{at.Line, fmt.Sprintf(format, args...)}
}

func lineOf(err error) int {
	var at *lineError
	if errors.As(err, &at) {
		return at.line
	}
	return 0
}

func (o owners) add(owner, value *yaml.Node) error {
	if _, twice := o[owner.Value]; twice {
		return wrong(owner, "the owner is listed twice; put all its keys in one list")
	}
	if owner.Kind != yaml.ScalarNode || !isOwner(owner.Value) {
		return wrong(owner, "this is not an owner; write name@domain, a group, *@domain or *, in lower case")
	}
	keys, err := parseKeys(value)
	if err == nil {
		o[owner.Value] = keys
	}
	return err
}

// isOwner reports whether there can be chains of this owner.
func isOwner(owner string) bool {
	if owner == everyone {
		return true
	}
	path := owner
	if name, domain, isUser := strings.Cut(owner, "@"); isUser {
		if name == "*" {
			name = "anyone"
		}
		path = domain + "/" + name
	}
	chain, err := chainname.Parse(path + "/db")
	return err == nil && chain.IsGroup() == !strings.Contains(owner, "@")
}

// parseKeys reads what an owner may have: no keys for public.
func parseKeys(value *yaml.Node) (keySet, error) {
	var set keySet
	if value.Kind == yaml.ScalarNode && value.Value == public {
		return set, nil
	}
	if value.Kind != yaml.SequenceNode {
		return set, wrong(value, "write %q, or a list of keys", public)
	}
	if n := len(value.Content); n == 0 || n > auth.MaxRootKeys {
		return set, wrong(value, "the list has %d keys; write 1 to %d, or %q if anyone may write", n, auth.MaxRootKeys, public)
	}
	for _, item := range value.Content {
		isText := item.Kind == yaml.ScalarNode && item.ShortTag() != "!!null" && !strings.ContainsAny(item.Value, "\r\n")
		if id, err := keys.ParseID(item.Value); isText && err == nil {
			set.ids = append(set.ids, id)
			continue
		}
		key, err := parseKey(item.Value)
		if !isText || err != nil {
			return set, wrong(item, "this is not a key; write a public identity, as ate key export prints it, the id of its signing key, or the standard base64 of an encoded public key, on one line")
		}
		set.keys = append(set.keys, key.Bytes())
	}
	return set, nil
}

// parseKey reads one key: an identity or a signing key as package keys writes
// them, or the base64 of an encoding.
func parseKey(text string) (keys.PublicKey, error) {
	if !strings.HasPrefix(text, "ate-") {
		encoded, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return keys.PublicKey{}, err
		}
		return keys.ParseAnyPublicKey(encoded)
	}
	if identity, err := keys.ParsePublicIdentity(text); err == nil {
		return identity.Signing, nil
	}
	return keys.ParsePublicKeyText(text)
}

// oneLine returns the message of a YAML error, without its prefix.
func oneLine(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	return strings.Join(strings.Fields(text), " ")
}
