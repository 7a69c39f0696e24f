package group

import (
	"fmt"
	"testing"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/fault"
)

// operations is all that can be done to a group, each with the roles of which a
// member may do it. The forged form is what a member would send who does it
// all the same.
var operations = []struct {
	what   string
	may    []Role
	honest change
	forged func(m *Membership) change
}{
	{"add an owner", []Role{Owner}, add(stranger, Owner), forgeAdd(stranger, Owner)},
	{"add a delegate", []Role{Owner}, add(stranger, Delegate), forgeAdd(stranger, Delegate)},
	{"add a contributor", []Role{Owner, Delegate}, add(stranger, Contributor), forgeAdd(stranger, Contributor)},
	{"add an observer", []Role{Owner, Delegate}, add(stranger, Observer), forgeAdd(stranger, Observer)},
	{"remove an owner", []Role{Owner}, remove(otherOwner), forgeRemove(otherOwner, Owner)},
	{"remove a delegate", []Role{Owner}, remove(otherDeleg), forgeRemove(otherDeleg, Delegate)},
	{"remove a contributor", []Role{Owner, Delegate}, remove(contributor), forgeRemove(contributor, Contributor)},
	{"remove an observer", []Role{Owner, Delegate}, remove(observer), forgeRemove(observer, Observer)},
	{"raise a contributor to owner", []Role{Owner}, add(contributor, Owner), forgeRole(contributor, Owner, 0)},
	{"raise a contributor to delegate", []Role{Owner}, add(contributor, Delegate), forgeRole(contributor, Delegate, 0)},
	{"raise an observer to contributor", []Role{Owner, Delegate}, add(observer, Contributor), forgeRole(observer, Contributor, 0)},
	{"lower an owner", []Role{Owner}, add(otherOwner, Observer), forgeRole(otherOwner, Observer, Owner)},
	{"lower a delegate", []Role{Owner}, add(otherDeleg, Contributor), forgeRole(otherDeleg, Contributor, Delegate)},
	{"lower a contributor", []Role{Owner, Delegate}, add(contributor, Observer), forgeRole(contributor, Observer, Contributor)},
	{"replace the read key of an owner", []Role{Owner}, addWithKey(otherOwner, Owner), forgeKey(otherOwner)},
	{"replace the read key of a delegate", []Role{Owner}, addWithKey(otherDeleg, Delegate), forgeKey(otherDeleg)},
	{"replace the read key of an observer", []Role{Owner, Delegate}, addWithKey(observer, Observer), forgeKey(observer)},
}

func addWithKey(user account.Name, r Role) change {
	return func(m *Membership) (account.Signed, []byte, error) {
		return m.Add(user, readKey(stranger).Public(), r, testTime)
	}
}

func forgeAdd(user account.Name, r Role) func(*Membership) change {
	return func(m *Membership) change {
		return forge(m, 0, func(roster *Roster) {
			i, _ := roster.search(user)
			roster.Members = append(roster.Members[:i:i], append([]Member{{User: user, Role: r, Read: readKey(user).Public()}}, roster.Members[i:]...)...)
		})
	}
}

func forgeRemove(user account.Name, rotated Role) func(*Membership) change {
	return func(m *Membership) change {
		return forge(m, rotated, func(roster *Roster) {
			i, _ := roster.search(user)
			roster.Members = append(roster.Members[:i:i], roster.Members[i+1:]...)
		})
	}
}

func forgeRole(user account.Name, r, rotated Role) func(*Membership) change {
	return func(m *Membership) change {
		return forge(m, rotated, func(roster *Roster) {
			i, _ := roster.search(user)
			roster.Members[i].Role, roster.Members[i].Keys = r, nil
		})
	}
}

func forgeKey(user account.Name) func(*Membership) change {
	return func(m *Membership) change {
		return forge(m, 0, func(roster *Roster) {
			i, _ := roster.search(user)
			roster.Members[i].Read, roster.Members[i].Keys = readKey(stranger).Public(), nil
		})
	}
}

// armed returns the membership with stand-ins for all keys that it does not
// hold, so that the forged change of a member who lacks keys can be made.
func armed(m *Membership) *Membership {
	all := *m
	for _, r := range Roles() {
		if len(all.held[r]) == 0 {
			all.held[r] = []Key{newKey(r, m.Statement.Generation(r))}
		}
	}
	return &all
}

// Every role, and every operation: who may do it does, the server takes it and
// the members can use it; who may not is refused by his own client, and by the
// server if he has another client.
func TestEveryRoleAndOperation(t *testing.T) {
	s := team()
	for _, actor := range []struct {
		user account.Name
		role Role
	}{{owner, Owner}, {delegate, Delegate}, {contributor, Contributor}, {observer, Observer}} {
		for _, op := range operations {
			what := fmt.Sprintf("%s: %s", actor.role, op.what)
			m := s.open(t, actor.user)
			may := false
			for _, r := range op.may {
				may = may || r == actor.role
			}
			signed, roster, err := op.honest(m)
			if may {
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				n := state{signed, roster}
				if err := s.check(n); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				if again := n.open(t, actor.user); again.Damaged != nil {
					t.Errorf("%s: %v", what, again.Damaged)
				}
				continue
			}
			wantCode(t, what+", honest", err, fault.NotAuthorized)
			m = armed(m)
			if actor.role == Observer { // he has no key to sign with, so he makes one
				m.Role = Contributor
			}
			signed, roster, err = op.forged(m)(nil)
			if err != nil {
				t.Errorf("%s, forged: %v", what, err)
				continue
			}
			wantCode(t, what+", forged", s.check(state{signed, roster}), fault.NotAuthorized)
		}
	}
}

// The table of who manages whom, and of who holds which keys.
func TestRoles(t *testing.T) {
	manages := map[Role]string{Owner: "owner delegate contributor observer ", Delegate: "contributor observer "}
	users := map[Role]account.Name{Owner: owner, Delegate: delegate, Contributor: contributor, Observer: observer}
	for _, r := range Roles() {
		got := ""
		m := team().open(t, users[r])
		for _, other := range Roles() {
			if r.MayManage(other) {
				got += other.String() + " "
			}
			if r.Holds(other) != (r <= other) || len(m.Keys(other)) > 0 != r.Holds(other) {
				t.Errorf("a %s holds %d keys of %ss", r, len(m.Keys(other)), other)
			}
			for _, k := range m.Keys(other) {
				if k.ID() != m.Statement.KeyID(other) || (k.Signing != nil) != other.signs() {
					t.Errorf("a %s holds another key of %ss than the statement names", r, other)
				}
			}
		}
		if got != manages[r] {
			t.Errorf("a %s manages %q", r, got)
		}
		if parsed, err := ParseRole(r.String()); err != nil || parsed != r {
			t.Errorf("%s: %v", r, err)
		}
		if back, err := RoleOf(r.Proto()); err != nil || back != r {
			t.Errorf("%s: %v", r, err)
		}
	}
	for _, none := range []Role{0, 5, 255} {
		if Owner.MayManage(none) || none.MayManage(Observer) || Owner.Holds(none) || none.Holds(Observer) || none.String() != "no role" || team().open(t, owner).Keys(none) != nil {
			t.Errorf("%d is a role", none)
		}
	}
	for _, name := range []string{"", "Owner", "admin", "owner "} {
		_, err := ParseRole(name)
		wantCode(t, name, err, fault.BadRequest)
	}
	for _, n := range []int32{0, 5, -1, 256 + 1} {
		if _, err := RoleOf(accountRole(n)); err == nil {
			t.Errorf("%d is a role", n)
		}
	}
	root := team().open(t, owner).Statement.RootKeys()
	if m := team().open(t, delegate); len(root) != 2 || string(root[1]) != string(m.Keys(Delegate)[0].Signing.Public().Bytes()) {
		t.Error("delegates do not write roots")
	}
}
