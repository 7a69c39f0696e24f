package authserver

import (
	"fmt"
	"slices"
	"testing"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/token"
)

func (p *peer) putIt(signed account.Signed, roster []byte) error {
	p.tb.Helper()
	return p.done(&pb.Request_PutGroup{PutGroup: &pb.PutGroup{Statement: signed.Proto(), Roster: roster}})
}

func (p *peer) getIt(name string) (*pb.Group, error) {
	p.tb.Helper()
	reply := p.ask(&pb.Request{Ask: &pb.Request_GetGroup{GetGroup: &pb.GetGroup{Name: name}}})
	return reply.GetGroup(), faultOf(reply)
}

// open returns the group as a member sees it that the server gives.
func (p *peer) openGroup(who *person, name string) *group.Membership {
	p.tb.Helper()
	g, err := p.getIt(name)
	check(p.tb, err)
	signed, err := account.SignedOf(g.Statement)
	check(p.tb, err)
	m, err := group.Open(signed, g.Roster, who.name, who.id.Read)
	check(p.tb, err)
	check(p.tb, m.Damaged)
	return m
}

// change is a change of a group, as a member makes it.
type change func(m *group.Membership) (account.Signed, []byte, error)

func (w *world) add(user string, role group.Role) change {
	return func(m *group.Membership) (account.Signed, []byte, error) {
		return m.Add(cast()[user].name, cast()[user].id.Read.Public(), role, w.now())
	}
}

func (w *world) remove(user string) change {
	return func(m *group.Membership) (account.Signed, []byte, error) {
		return m.Remove(cast()[user].name, w.now())
	}
}

// change makes a change with the keys of one member and sends it as another.
func (w *world) change(keysOf, as string, c change) error {
	w.tb.Helper()
	holder := cast()[keysOf]
	signed, roster, err := c(w.loginAs(holder).openGroup(holder, "writers"))
	if err != nil {
		return err
	}
	return w.loginAs(cast()[as]).putIt(signed, roster)
}

// withGroup returns a world with the group of alice (owner), bob (delegate), carol
// (contributor) and dave (observer), of which mallory is no member.
func withGroup(t *testing.T) *world {
	t.Helper()
	w, alice := newWorld(t, "alice", "bob", "carol", "dave", "mallory"), cast()["alice"]
	signed, roster, err := group.Create("writers", alice.name, alice.id.Read.Public(), w.now())
	check(t, err)
	check(t, w.loginAs(alice).putIt(signed, roster))
	check(t, w.loginAs(alice).putIt(signed, roster)) // sent again
	check(t, w.change("alice", "alice", w.add("bob", group.Delegate)))
	check(t, w.change("bob", "bob", w.add("carol", group.Contributor)))
	check(t, w.change("bob", "bob", w.add("dave", group.Observer)))
	return w
}

// TestGroupRoles tries every role with every change. Those with too little of a
// role send what the owner signed, as if they had stolen his keys.
func TestGroupRoles(t *testing.T) {
	members := []string{"alice", "bob", "carol", "dave", "mallory"}
	built := withGroup(t)
	for _, c := range []struct {
		name string
		make func(*world) change
		may  []string
	}{
		{"add an owner", func(w *world) change { return w.add("mallory", group.Owner) }, []string{"alice"}},
		{"add a delegate", func(w *world) change { return w.add("mallory", group.Delegate) }, []string{"alice"}},
		{"add a contributor", func(w *world) change { return w.add("mallory", group.Contributor) }, []string{"alice", "bob"}},
		{"add an observer", func(w *world) change { return w.add("mallory", group.Observer) }, []string{"alice", "bob"}},
		{"make the observer a delegate", func(w *world) change { return w.add("dave", group.Delegate) }, []string{"alice"}},
		{"make the contributor an observer", func(w *world) change { return w.add("carol", group.Observer) }, []string{"alice", "bob"}},
		{"give the contributor his keys again", func(w *world) change { return w.add("carol", group.Contributor) }, []string{"alice", "bob"}},
		{"remove the delegate", func(w *world) change { return w.remove("bob") }, []string{"alice"}},
		{"remove the contributor", func(w *world) change { return w.remove("carol") }, []string{"alice", "bob"}},
		{"remove the observer", func(w *world) change { return w.remove("dave") }, []string{"alice", "bob"}},
	} {
		for _, member := range members {
			w := built.copy()
			err := w.change("alice", member, c.make(w))
			want := fault.NotAuthorized
			if slices.Contains(c.may, member) {
				want = ""
			}
			wantCode(t, member+" with the owner's signature: "+c.name, err, want)
			if want == "" || member == "mallory" {
				continue
			}
			if err := w.change(member, member, c.make(w)); err == nil {
				t.Errorf("%s may %s", member, c.name)
			}
		}
	}
}

// TestRosterIsForMembers proves who sees the roster, and that a removed member
// does not any more.
func TestRosterIsForMembers(t *testing.T) {
	w := withGroup(t)
	sees := func(user string) bool {
		t.Helper()
		g, err := w.loginAs(cast()[user]).getIt("writers")
		check(t, err)
		if g.Statement == nil {
			t.Error("the statement, which is public, is missing")
		}
		return len(g.Roster) > 0
	}
	for _, member := range []string{"alice", "bob", "carol", "dave"} {
		if !sees(member) {
			t.Errorf("%s does not see the roster", member)
		}
	}
	if sees("mallory") {
		t.Error("mallory sees the roster")
	}
	check(t, w.change("bob", "bob", w.remove("dave")))
	if sees("dave") {
		t.Error("dave sees the roster after his removal")
	}
	for user, groups := range map[string]int{"alice": 1, "carol": 1, "dave": 0, "mallory": 0} {
		if u, err := w.loginAs(cast()[user]).details(); err != nil || len(u.Groups) != groups {
			t.Errorf("%s is in the groups %v (%v); want %d", user, u.GetGroups(), err, groups)
		}
	}
	found, err := w.connect().lookAt("writers", 0)
	check(t, err)
	_, signed := verifyFound(t, w, found)
	if s, err := group.ParseStatement(signed); err != nil || s.Number != 4 {
		t.Errorf("the newest statement has number %d: %v", s.Number, err)
	}
}

// TestGroupSwitched: the attack is to replay an older state of a group, to make a
// second group of the same name, or one that its maker is not in.
func TestGroupSwitched(t *testing.T) {
	w := withGroup(t)
	alice, mallory := cast()["alice"], cast()["mallory"]
	old, err := w.loginAs(alice).getIt("writers")
	check(t, err)
	oldSigned, err := account.SignedOf(old.Statement)
	check(t, err)
	check(t, w.change("alice", "alice", w.remove("dave")))
	wantCode(t, "an older statement again", w.loginAs(alice).putIt(oldSigned, old.Roster), fault.VersionConflict)

	signed, roster, err := group.Create("writers", mallory.name, mallory.id.Read.Public(), w.now())
	check(t, err)
	wantCode(t, "another group of the name", w.loginAs(mallory).putIt(signed, roster), fault.VersionConflict)
	signed, roster, err = group.Create("painters", alice.name, alice.id.Read.Public(), w.now())
	check(t, err)
	wantCode(t, "a group of somebody else", w.loginAs(mallory).putIt(signed, roster), fault.NotAuthorized)
	wantCode(t, "a roster that is not the statement's", w.loginAs(alice).putIt(signed, old.Roster), fault.Damaged)
	stranger := newMember("stranger@example.com")
	wantCode(t, "a member who does not exist", w.change("alice", "alice", stranger), fault.NotFound)
}

func newMember(name account.Name) change {
	return func(m *group.Membership) (account.Signed, []byte, error) {
		return m.Add(name, cast()["bob"].id.Read.Public(), group.Observer, m.Statement.Created)
	}
}

// TestGroupsAreBounded: the attack is to make groups without end, with a token.
func TestGroupsAreBounded(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	p := w.connect()
	check(t, p.show(w.newToken(alice, token.Options{Account: true})))
	check(t, w.store.Update(t.Context(), func(tx *accounts.Tx) error {
		tx.PutMembership(string(alice.name), &accounts.Membership{Created: accounts.MaxGroups - 1})
		return nil
	}))
	for i := range 2 {
		signed, roster, err := group.Create(fmt.Sprintf("group-%d", i), alice.name, alice.id.Read.Public(), w.now())
		check(t, err)
		want := fault.Code("")
		if i == 1 {
			want = fault.Overloaded
		}
		wantCode(t, "making a group", p.putIt(signed, roster), want)
	}
	if g, err := p.getIt("group-1"); !fault.Is(err, fault.NotFound) {
		t.Errorf("the group that was refused is %v: %v", g, err)
	}
}
