package account

import (
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// A name is good exactly if it can be the owner of a chain.
func TestParseName(t *testing.T) {
	for _, text := range []string{"joe@example.com", "j.o-e_2+x@a.b.example.com", "joe@localhost", strings.Repeat("u", 63) + "@example.com"} {
		n, err := ParseName(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		chain, err := chainname.Parse(n.Domain() + "/" + n.User() + "/db")
		if err != nil || chain.Owner() != n.String() {
			t.Errorf("%q owns %q: %v", text, chain.Owner(), err)
		}
	}
	for _, text := range []string{
		"", "joe", "@", "joe@", "@example.com", "Joe@example.com", "joe@Example.com", "joe@engineers", "joe@@example.com",
		"joe@a@example.com", "joe/x@example.com", "joe@example.com/x", "../joe@example.com", ".joe@example.com", "joe.@example.com",
		"jo e@example.com", "joe@example..com", "joe\n@example.com", "jöe@example.com", "joe@example.com\x00",
		strings.Repeat("u", 64) + "@example.com", "joe@" + strings.Repeat("a.", 200) + "com",
	} {
		_, err := ParseName(text)
		wantCode(t, text, err, fault.BadName)
	}
}
