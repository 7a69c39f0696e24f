package account

import (
	"strings"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// Name is a user's name, such as joe@example.com: what owns the chain
// example.com/joe/mydb. Only ParseName makes one; the zero value is no name.
type Name string

// ParseName checks a user's name. The user and the domain are written as in the
// name of a chain. Its error is a fault with code bad_name.
func ParseName(text string) (Name, error) {
	if len(text) > MaxName {
		return "", fault.New(fault.BadName, "a user's name is %d bytes long; at most %d are allowed", len(text), MaxName)
	}
	user, domain, found := strings.Cut(text, "@")
	if !found || strings.ContainsAny(text, "/") {
		return "", fault.New(fault.BadName, "%q is not a user's name; write user@domain, as in joe@example.com", text)
	}
	chain, err := chainname.Parse(domain + "/" + user + "/x")
	if err != nil || chain.Owner() != text {
		return "", fault.New(fault.BadName, "%q is not a user's name; the user has small letters, digits and, inside, - _ . +, and the domain has a dot: joe@example.com", text)
	}
	return Name(text), nil
}

// User returns what stands before the @.
func (n Name) User() string {
	user, _, _ := strings.Cut(string(n), "@")
	return user
}

// Domain returns what stands behind the @.
func (n Name) Domain() string {
	_, domain, _ := strings.Cut(string(n), "@")
	return domain
}

// String returns the name.
func (n Name) String() string { return string(n) }
