package group

import (
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// Role is what a member may do. A role holds its own keys and those of all roles
// below it. The zero value is no role.
type Role byte

// The roles, from the top.
const (
	Owner       Role = 1 // changes everything
	Delegate    Role = 2 // manages contributors and observers, and writes roots of chains
	Contributor Role = 3 // writes where an object's authority names the contributors' key
	Observer    Role = 4 // reads
)

var roleNames = [...]string{Owner: "owner", Delegate: "delegate", Contributor: "contributor", Observer: "observer"}

// Roles returns the roles, from the top.
func Roles() []Role { return []Role{Owner, Delegate, Contributor, Observer} }

func (r Role) valid() bool { return r >= Owner && r <= Observer }

// String returns the role's name, which ParseRole parses.
func (r Role) String() string {
	if !r.valid() {
		return "no role"
	}
	return roleNames[r]
}

// ParseRole returns the role of a name. None is a fault with code bad_request.
func ParseRole(name string) (Role, error) {
	for _, r := range Roles() {
		if roleNames[r] == name {
			return r, nil
		}
	}
	return 0, fault.New(fault.BadRequest, "%q is no role; the roles are owner, delegate, contributor and observer", name[:min(len(name), 100)])
}

// Proto returns the role in a message.
func (r Role) Proto() accountpb.Role { return accountpb.Role(r) }

// RoleOf returns the role in a message. None, or one that is not known, is a
// fault.
func RoleOf(m accountpb.Role) (Role, error) {
	if m < accountpb.Role_ROLE_OWNER || m > accountpb.Role_ROLE_OBSERVER {
		return 0, fault.New(fault.BadRequest, "there is no role %d in this version", m)
	}
	return Role(m), nil
}

// MayManage reports whether a member with this role may give the other role to
// somebody, and take it away: owners every role, delegates those below theirs.
func (r Role) MayManage(other Role) bool {
	if !other.valid() {
		return false
	}
	return r == Owner || r == Delegate && other > Delegate
}

// Holds reports whether a member with this role holds the keys of the other.
func (r Role) Holds(other Role) bool { return r.valid() && other.valid() && r <= other }

// signs reports whether the keys of the role are signing keys.
func (r Role) signs() bool { return r != Observer }

func (r Role) seedSize() int {
	if r.signs() {
		return keys.SigningSeedSize
	}
	return keys.ReadSeedSize
}
