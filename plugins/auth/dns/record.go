package dns

import (
	"fmt"
	"strings"

	"github.com/atedb/atedb/plugins/auth/internal/scope"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// maxRecord is the longest record, in bytes.
const maxRecord = 512

const (
	versionPrefix = "v=ate"
	version       = "1"
	everybody     = "*"
)

// record is what one record says: that a key is a user's or a group's.
type record struct {
	group bool
	name  string // or everybody
	key   event.Hash
}

// versionOf returns the number after v=ate in a record, and whether the record
// begins so; what does not is somebody else's.
func versionOf(text string) (number string, ours bool) {
	first, _, _ := strings.Cut(text, ";")
	number, ours = strings.CutPrefix(strings.Trim(first, " "), versionPrefix)
	return number, ours && number != "" && len(number) <= 9 && strings.Trim(number, "0123456789") == ""
}

// parseRecord reads a record of our version.
func parseRecord(text string) (record, error) {
	if len(text) > maxRecord {
		return record{}, fmt.Errorf("it has %d bytes; at most %d are allowed", len(text), maxRecord)
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return record{}, fmt.Errorf("byte %d of it is not a printable one", i+1)
		}
	}
	fields := make(map[string]string, 3)
	for i, field := range strings.Split(strings.TrimRight(text, "; "), ";") {
		name, value, ok := strings.Cut(strings.Trim(field, " "), "=")
		_, twice := fields[name]
		switch {
		case !ok || value == "":
			return record{}, fmt.Errorf("field %d of it is not a name, = and a value", i+1)
		case twice:
			return record{}, fmt.Errorf("it has the field %.20q twice", name)
		case i > 0 && name != "user" && name != "group" && name != "key":
			return record{}, fmt.Errorf("it has the field %.20q, which version %s does not know", name, version)
		}
		fields[name] = value
	}
	return recordOf(fields)
}

func recordOf(fields map[string]string) (record, error) {
	var r record
	var isUser bool
	r.name, r.group = fields["group"]
	if user, ok := fields["user"]; ok {
		r.name, isUser = user, true
	}
	switch {
	case isUser == r.group:
		return r, fmt.Errorf("it names neither a user nor a group, or both")
	case isUser && r.name != everybody && !isName("example.com/"+r.name), r.group && !isName(r.name):
		return r, fmt.Errorf("%.70q in it is not a name as in a chain's name, in lower case", r.name)
	}
	var err error
	if r.key, err = keys.ParseID(fields["key"]); err != nil {
		return r, fmt.Errorf("its key is not good: %s", fault.From(err).Reason)
	}
	return r, nil
}

func isName(owner string) bool {
	_, err := chainname.Parse(owner + "/db")
	return err == nil
}

// isOf reports whether the record is about the subject by name.
func (r record) isOf(s scope.Subject) bool { return r.group == s.Group && r.name == s.Name }

// isOfEverybody reports whether it is about every user of the domain.
func (r record) isOfEverybody() bool { return !r.group && r.name == everybody }
