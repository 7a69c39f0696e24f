package token

import (
	"strings"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// Scope is which chains a token may write: the name of one, or the beginning of
// names followed by *. Only ParseScope makes one; the zero value covers none.
type Scope string

// everything ends a scope that is the beginning of names.
const everything = "*"

// ParseScope checks a scope. Its error is a fault with code bad_request.
func ParseScope(text string) (Scope, error) {
	beginning, open := strings.CutSuffix(text, everything)
	if !open {
		if _, err := chainname.Parse(text); err != nil {
			return "", fault.New(fault.BadRequest, "a token's scope is a chain's name, or the beginning of names followed by *: %w", err)
		}
		return Scope(text), nil
	}
	if len(beginning) > chainname.MaxName || strings.Trim(beginning, "abcdefghijklmnopqrstuvwxyz0123456789-_.+/") != "" {
		return "", fault.New(fault.BadRequest, "the scope %q is not the beginning of chains' names followed by *", text[:min(len(text), 100)])
	}
	return Scope(text), nil
}

// Covers reports whether the scope is about the chain.
func (s Scope) Covers(chain chainname.Name) bool {
	if beginning, open := strings.CutSuffix(string(s), everything); open {
		return strings.HasPrefix(string(chain), beginning)
	}
	return s != "" && string(s) == string(chain)
}
