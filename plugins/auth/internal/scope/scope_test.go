package scope

import (
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// Attack: a chain's name makes a server ask where it must not. Only what the
// patterns allow is asked, and no address or this machine by way of "*".
func TestWhoIsAsked(t *testing.T) {
	groups := map[string]string{"engineers": "example.com"}
	for list, names := range map[string]map[chainname.Name]string{
		"example.com": {
			"example.com/joe/db": "joe@example.com", "engineers/db": "the group engineers", "strangers/db": "",
			"sub.example.com/joe/db": "", "example.com.evil.org/joe/db": "", "notexample.com/joe/db": "", "com/joe/db": "",
		},
		"*.example.com example.com": {
			"example.com/joe/db": "joe@example.com", "a.example.com/joe/db": "joe@a.example.com", "b.a.example.com/joe/db": "joe@b.a.example.com",
			"aexample.com/joe/db": "", "localhost/joe/db": "",
		},
		"*": {
			"example.org/joe/db": "joe@example.org", "localhost/joe/db": "", "a.localhost/joe/db": "",
			"127.0.0.1/joe/db": "", "169.254.169.254/joe/db": "", "10.1/joe/db": "", "8.8.8.8/joe/db": "", "a.0x7f/joe/db": "",
		},
		"localhost *.localhost example.com": {"localhost/joe/db": "joe@localhost", "a.localhost/joe/db": "joe@a.localhost"},
	} {
		own := groups
		if list == "*" {
			own = nil
		}
		s, err := New(strings.Fields(list), own)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range names {
			subject, denied := s.Subject(name)
			if got := subject.String(); denied == "" && got != want || (denied == "") != (want != "") {
				t.Errorf("with %q, %s is of %v (%s); want %q", list, name, subject, denied, want)
			}
		}
	}
}

func TestBadScopes(t *testing.T) {
	good := []string{"example.com"}
	for name, c := range map[string]struct {
		domains []string
		groups  map[string]string
		says    string
	}{
		"none":            {nil, nil, "domains"},
		"too many":        {make([]string, MaxDomains+1), nil, "domains"},
		"capitals":        {[]string{"Example.com"}, nil, "Example.com"},
		"an address":      {[]string{"10.0.0.1"}, nil, "10.0.0.1"},
		"a short address": {[]string{"10.1"}, nil, "10.1"},
		"a URL":           {[]string{"https://example.com"}, nil, "https://"},
		"a port":          {[]string{"example.com:443"}, nil, ":443"},
		"half a pattern":  {[]string{"*example.com"}, nil, "*example.com"},
		"a star inside":   {[]string{"a.*.com"}, nil, "a.*.com"},
		"two stars":       {[]string{"*.*.com"}, nil, "*.*.com"},
		"only a star dot": {[]string{"*."}, nil, "*."},
		"empty":           {[]string{""}, nil, `""`},
		"a bad group":     {good, map[string]string{"Engineers": "example.com"}, "Engineers"},
		"a user's name":   {good, map[string]string{"example.com/joe": "example.com"}, "example.com/joe"},
		"another domain":  {good, map[string]string{"engineers": "example.org"}, "example.org"},
		"a pattern":       {[]string{"*.a.com"}, map[string]string{"engineers": "*.a.com"}, "*.a.com"},
	} {
		if _, err := New(c.domains, c.groups); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want a bad_config fault that has %q", name, err, c.says)
		}
	}
}
