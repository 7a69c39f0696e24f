package ldap

import (
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	goldap "github.com/go-ldap/ldap/v3"
)

// record is an entry of a directory in a test.
type record struct {
	dn     string
	values map[string][]string // by the attribute's name in small letters
}

// parseLDIF reads the part of RFC 2849 that tests and the README use: entries
// with one value in a line, apart by empty lines, and comments.
func parseLDIF(text string) []record {
	var records []record
	for block := range strings.SplitSeq(text, "\n\n") {
		r := record{values: map[string][]string{"objectclass": {"top"}}}
		for line := range strings.SplitSeq(block, "\n") {
			name, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
			switch {
			case !ok || strings.HasPrefix(name, "#"):
			case name == "dn":
				r.dn = value
			default:
				name = strings.ToLower(name)
				r.values[name] = append(r.values[name], value)
			}
		}
		if r.dn != "" {
			records = append(records, r)
		}
	}
	return records
}

func (r record) is(dn string) bool { return strings.EqualFold(r.dn, strings.ReplaceAll(dn, ", ", ",")) }

func (r record) isUnder(base string) bool {
	return r.is(base) || strings.HasSuffix(strings.ToLower(r.dn), ","+strings.ToLower(base))
}

// attributes returns those that were asked for.
func (r record) attributes(asked *ber.Packet) map[string][]string {
	found := make(map[string][]string)
	for _, name := range asked.Children {
		if values := r.values[strings.ToLower(name.Data.String())]; values != nil {
			found[name.Data.String()] = values
		}
	}
	return found
}

// matches evaluates a filter as it came over the wire (RFC 4511, 4.5.1.7). What
// it does not know matches nothing.
func (r record) matches(f *ber.Packet) bool {
	switch f.Tag {
	case goldap.FilterAnd:
		for _, part := range f.Children {
			if !r.matches(part) {
				return false
			}
		}
		return true
	case goldap.FilterOr:
		for _, part := range f.Children {
			if r.matches(part) {
				return true
			}
		}
	case goldap.FilterNot:
		return !r.matches(f.Children[0])
	case goldap.FilterPresent:
		return r.values[strings.ToLower(f.Data.String())] != nil
	case goldap.FilterEqualityMatch:
		for _, value := range r.values[strings.ToLower(f.Children[0].Data.String())] {
			if strings.EqualFold(value, f.Children[1].Data.String()) {
				return true
			}
		}
	case goldap.FilterSubstrings:
		for _, value := range r.values[strings.ToLower(f.Children[0].Data.String())] {
			if hasParts(strings.ToLower(value), f.Children[1].Children) {
				return true
			}
		}
	}
	return false
}

func hasParts(value string, parts []*ber.Packet) bool {
	for _, part := range parts {
		text := strings.ToLower(part.Data.String())
		at := strings.Index(value, text)
		if at < 0 || part.Tag == goldap.FilterSubstringsInitial && at > 0 || part.Tag == goldap.FilterSubstringsFinal && !strings.HasSuffix(value, text) {
			return false
		}
		value = value[at+len(text):]
	}
	return true
}
