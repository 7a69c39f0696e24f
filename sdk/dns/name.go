package dns

import (
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

// canonical returns a name in small letters and with a dot at its end, as the
// rest of the package has it. It has no escapes.
func canonical(name string) (string, error) {
	plain := strings.ToLower(strings.TrimSuffix(name, "."))
	if len(plain) > 253 {
		return "", fault.New(fault.BadRequest, "a domain name has %d bytes; at most 253 are allowed", len(plain))
	}
	labels := strings.Split(plain, ".")
	for _, label := range labels {
		if len(label) == 0 || len(label) > 63 {
			return "", fault.New(fault.BadRequest, "%q is no domain name: between its dots are 1 to 63 characters", name)
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && !digit(c) && c != '-' && c != '_' {
				return "", fault.New(fault.BadRequest, "%q is no domain name: it has %q in it; letters, digits, '-', '_' and '.' are allowed, and other letters in their xn-- form", name, c)
			}
		}
	}
	if last := labels[len(labels)-1]; digit(last[len(last)-1]) && strings.Trim(last, "0123456789") == "" {
		return "", fault.New(fault.BadRequest, "%q is neither an IP address nor a domain name, which does not end with a number", name)
	}
	return plain + ".", nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// isLocalhost reports whether a canonical name always means this machine.
func isLocalhost(name string) bool {
	return name == "localhost." || strings.HasSuffix(name, ".localhost.")
}
