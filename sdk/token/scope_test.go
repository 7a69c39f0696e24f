package token

import (
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// What each scope covers.
func TestScopes(t *testing.T) {
	chains := []chainname.Name{"example.com/joe/mydb", "example.com/joe/mydb2", "example.com/joel/mydb", "example.org/joe/mydb", "engineers/mydb"}
	for text, want := range map[string]string{
		"example.com/joe/mydb":  "10000",
		"example.com/joe/mydb*": "11000",
		"example.com/joe/*":     "11000",
		"example.com/jo*":       "11100",
		"engineers/*":           "00001",
		"*":                     "11111",
	} {
		scope, err := ParseScope(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := ""
		for _, chain := range chains {
			got += map[bool]string{true: "1", false: "0"}[scope.Covers(chain)]
		}
		if got != want {
			t.Errorf("%s covers %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{
		"", "mydb", "example.com/joe", "example.com/joe/", "example.com/*/mydb", "*/mydb", "**", "example.com/joe/MyDB", "example.com/joe/MY*",
		"example.com/joe/my db*", "exa\nmple*", "a/b/c/d", strings.Repeat("a", chainname.MaxName+1) + "*", "\xff*",
	} {
		_, err := ParseScope(text)
		wantCode(t, text, err, fault.BadRequest)
	}
	if Scope("").Covers("") || (Delegation{}).Covers(chains[0]) {
		t.Error("no scope covers something")
	}
}
