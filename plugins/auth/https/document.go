package https

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
)

const documentVersion = 1

// document is a key document: the keys of each name, in text.
type document struct{ users, groups map[string][]string }

// versionError says that a document is of another version.
type versionError struct{ version json.Number }

func (e versionError) Error() string {
	return fmt.Sprintf("it is of version %.20s, and this server knows version %d", e.version.String(), documentVersion)
}

// parseDocument reads a document. That its keys are good ones is not checked. Its
// error is a part of a sentence; of another version it is a versionError.
func parseDocument(text []byte) (*document, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	p := parser{decoder}
	var d document
	seen := 0
	err := p.object("it", func(name string) error {
		seen++
		switch {
		case seen == 1 && name == "version":
			return p.version()
		case seen == 1:
			return fmt.Errorf("it does not begin with its version")
		case name == "users":
			return p.names("users", "example.com/", &d.users)
		case name == "groups":
			return p.names("groups", "", &d.groups)
		}
		return fmt.Errorf("it has the member %.40q, which version %d does not know", name, documentVersion)
	})
	if err == nil && seen == 0 {
		return nil, fmt.Errorf("it has no version")
	}
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("something follows after its end")
	}
	return &d, nil
}

type parser struct{ *json.Decoder }

// token returns the next token; a text of JSON that is wrong is an error.
func (p parser) token() (json.Token, error) {
	token, err := p.Token()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("it is cut off")
	}
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %s", plain(err))
	}
	return token, nil
}

// object reads an object, and has member read the value of each name; none may
// come twice.
func (p parser) object(what string, member func(name string) error) error {
	if token, err := p.token(); err != nil || token != json.Delim('{') {
		return orElse(err, "%s is not an object", what)
	}
	seen := make(map[string]bool)
	for p.More() {
		token, err := p.token()
		if err != nil {
			return err
		}
		name := token.(string) // names of members are strings
		if seen[name] {
			return fmt.Errorf("%s has %.70q twice", what, name)
		}
		seen[name] = true
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := p.token()
	return err
}

func (p parser) version() error {
	token, err := p.token()
	version, ok := token.(json.Number)
	if err != nil || !ok {
		return orElse(err, "its version is not a number")
	}
	if version.String() != fmt.Sprint(documentVersion) {
		return versionError{version}
	}
	return nil
}

// names reads the keys of each name; prefix and the name are a chain's owner.
func (p parser) names(what, prefix string, into *map[string][]string) error {
	*into = make(map[string][]string)
	return p.object(what, func(name string) error {
		chain, err := chainname.Parse(prefix + name + "/db")
		if err != nil || chain.IsGroup() != (prefix == "") {
			return fmt.Errorf("%s has %.70q, which is not a name as in a chain's name, in lower case", what, name)
		}
		(*into)[name], err = p.keys(name)
		return err
	})
}

// keys reads a list of 1 to 64 texts.
func (p parser) keys(of string) ([]string, error) {
	if token, err := p.token(); err != nil || token != json.Delim('[') {
		return nil, orElse(err, "the keys of %s are not a list", of)
	}
	var keys []string
	for p.More() {
		token, err := p.token()
		key, ok := token.(string)
		if err != nil || !ok {
			return nil, orElse(err, "a key of %s is not a text", of)
		}
		if keys = append(keys, key); len(keys) > auth.MaxRootKeys {
			return nil, fmt.Errorf("%s has more than %d keys", of, auth.MaxRootKeys)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s has an empty list of keys; a name without keys is to be left out", of)
	}
	_, err := p.token()
	return keys, err
}

func orElse(err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return fmt.Errorf(format, args...)
}
