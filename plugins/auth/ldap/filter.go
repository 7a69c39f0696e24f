package ldap

import (
	"regexp"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/atedb/atedb/sdk/fault"
)

// filter is a search filter (RFC 4515) with placeholders such as {owner}.
type filter string

// placeholder is what stands in braces.
var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// parsePlace reads where entries of a kind are. The filter may have the given
// placeholders.
func parsePlace(kind, base, text string, placeholders ...string) (place, error) {
	dn, err := parseDN(base)
	if err != nil || len(dn.RDNs) == 0 {
		return place{}, fault.New(fault.BadConfig, "%s_base is %.100q, which is not a distinguished name; write one such as \"dc=example,dc=com\"", kind, base)
	}
	f, err := parseFilter(kind+"_filter", text, placeholders...)
	return place{dn, base, f}, err
}

// parseFilter checks that a filter is one, and has only the given placeholders,
// each in a value.
func parseFilter(key, text string, placeholders ...string) (filter, error) {
	f := filter(text)
	if len(text) > maxFilter {
		return "", fault.New(fault.BadConfig, "%s has %d bytes; at most %d are allowed", key, len(text), maxFilter)
	}
	samples := make([]string, 0, 2*len(placeholders))
	for _, name := range placeholders {
		samples = append(samples, name, "x")
	}
	sample := f.with(samples...)
	if at := strings.IndexAny(sample, "{}"); at >= 0 {
		return "", fault.New(fault.BadConfig, "%s has a brace that belongs to no placeholder at %.20q; the placeholders are {%s}, and a brace itself is \\7b or \\7d",
			key, sample[at:], strings.Join(placeholders, "}, {"))
	}
	for _, at := range placeholder.FindAllStringIndex(text, -1) {
		if begin := strings.LastIndexByte(text[:at[0]], '('); !strings.Contains(text[begin+1:at[0]], "=") {
			return "", fault.New(fault.BadConfig, "%s has %s where an attribute's name stands; only values may have placeholders", key, text[at[0]:at[1]])
		}
	}
	if _, err := goldap.CompileFilter(sample); err != nil {
		return "", fault.New(fault.BadConfig, "%s is %.100q, which is not a search filter; write one such as \"(mail=joe)\", in parentheses", key, text)
	}
	return f, nil
}

// has reports whether the filter depends on a placeholder.
func (f filter) has(name string) bool { return strings.Contains(string(f), "{"+name+"}") }

// with returns the filter with values in the place of placeholders; names and
// values alternate. What a value holds is never taken for a part of the filter,
// nor for a placeholder.
func (f filter) with(namesAndValues ...string) string {
	pairs := make([]string, len(namesAndValues))
	for i := 0; i < len(pairs); i += 2 {
		pairs[i], pairs[i+1] = "{"+namesAndValues[i]+"}", escape(namesAndValues[i+1])
	}
	return strings.NewReplacer(pairs...).Replace(string(f))
}

// escape returns a value as it must stand in a filter (RFC 4515, section 3):
// every byte that is not a letter, a digit or one of "@.-_" in hex.
func escape(value string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("@.-_", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'\\', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// parseDN reads a distinguished name (RFC 4514).
func parseDN(text string) (*goldap.DN, error) {
	const maxDN = 4 << 10
	if len(text) > maxDN {
		return nil, fault.New(fault.TooLarge, "a distinguished name has %d bytes; at most %d are allowed", len(text), maxDN)
	}
	return goldap.ParseDN(text)
}
