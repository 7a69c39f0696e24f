package authserver

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
)

// putGroup creates a group or changes one. The same request again is done again.
func (c *caller) putGroup(ctx context.Context, m *pb.PutGroup) error {
	signed, err := account.SignedOf(m.Statement)
	if err != nil {
		return err
	}
	statement, err := group.ParseStatement(signed)
	if err != nil {
		return err
	}
	count := sync.OnceValue(c.countChange)
	return c.store.Update(ctx, func(t *accounts.Tx) error {
		u, err := c.acting(t)
		if err != nil {
			return err
		}
		old, err := t.Group(statement.Name)
		if err != nil {
			return err
		}
		next := &accounts.Group{Statement: signed.Encode(), Roster: m.Roster}
		if old != nil && bytes.Equal(old.Statement, next.Statement) && bytes.Equal(old.Roster, next.Roster) {
			return nil
		}
		change, err := newGroupChange(u.name, old, signed, m.Roster)
		if err != nil {
			return err
		}
		var before *accounts.Earlier
		if old != nil {
			before = &accounts.Earlier{Number: statement.Number - 1, Encoded: old.Statement}
			if err := count(); err != nil {
				return err
			}
		}
		t.PutGroup(statement.Name, next, before)
		return change.list(t)
	})
}

// groupChange is a change of a group that its keys and its roles allow.
type groupChange struct {
	by       account.Name
	next     group.Statement
	founding bool
	joins    []account.Name // who are members now and were not
	leaves   []account.Name // who were members and are not now
}

// newGroupChange checks a change of a group, old, or the making of one if that
// is nil.
func newGroupChange(by account.Name, old *accounts.Group, signed account.Signed, encodedRoster []byte) (*groupChange, error) {
	change := &groupChange{by: by, founding: old == nil}
	var previous *account.Signed
	var before group.Roster
	var previousRoster []byte
	if old != nil {
		parsed, err := account.ParseSigned(old.Statement)
		if err != nil {
			return nil, err
		}
		if before, err = group.ParseRoster(old.Roster); err != nil {
			return nil, err
		}
		previous, previousRoster = &parsed, old.Roster
	}
	var err error
	if change.next, err = group.Check(previous, previousRoster, signed, encodedRoster); err != nil {
		return nil, err
	}
	after, err := group.ParseRoster(encodedRoster)
	if err != nil {
		return nil, err
	}
	if old == nil {
		return change, change.found(after)
	}
	was, err := group.ParseStatement(*previous)
	if err != nil {
		return nil, err
	}
	return change, change.follow(was, before, after)
}

// found checks that who makes a group is its owner.
func (g *groupChange) found(after group.Roster) error {
	if me, ok := after.Find(g.by); !ok || me.Role != group.Owner {
		return fault.New(fault.NotAuthorized, "%s makes the group %s and must be one of its owners", g.by, g.next.Name)
	}
	for _, m := range after.Members {
		g.joins = append(g.joins, m.User)
	}
	return nil
}

// follow checks that the role of who changes a group lets him, whatever keys he
// may have got hold of.
func (g *groupChange) follow(was group.Statement, before, after group.Roster) error {
	me, ok := before.Find(g.by)
	if !ok {
		return fault.New(fault.NotAuthorized, "%s is no member of the group %s", g.by, g.next.Name)
	}
	for _, r := range group.Roles() {
		if was.KeyID(r) != g.next.KeyID(r) && !me.Role.MayManage(r) {
			return g.refuse(me.Role)
		}
	}
	for _, m := range before.Members {
		now, stays := after.Find(m.User)
		if (!stays || now.Role != m.Role || now.Read.ID() != m.Read.ID()) && !me.Role.MayManage(m.Role) {
			return g.refuse(me.Role)
		}
		if !stays {
			g.leaves = append(g.leaves, m.User)
		}
	}
	for _, m := range after.Members {
		old, was := before.Find(m.User)
		if (!was || old.Role != m.Role) && !me.Role.MayManage(m.Role) {
			return g.refuse(me.Role)
		}
		if !was {
			g.joins = append(g.joins, m.User)
		}
	}
	if !me.Role.MayManage(group.Contributor) {
		return g.refuse(me.Role)
	}
	return nil
}

func (g *groupChange) refuse(role group.Role) error {
	return fault.New(fault.NotAuthorized, "%s, %s of the group %s, may not change that; ask an owner", g.by, role.String(), g.next.Name)
}

// list has the users concerned know of it. Those who join must exist.
func (g *groupChange) list(t *accounts.Tx) error {
	for _, name := range g.joins {
		if !t.HasUser(string(name)) {
			return fault.New(fault.NotFound, "there is no user %s at this authentication server to be a member of the group %s", name, g.next.Name)
		}
		m, err := t.Membership(string(name))
		if err != nil {
			return err
		}
		if g.founding && name == g.by {
			if m.Created++; m.Created > accounts.MaxGroups {
				return fault.New(fault.Overloaded, "%s has made %d groups, which is the most allowed", name, accounts.MaxGroups)
			}
		}
		if len(m.Groups) < accounts.MaxListed {
			m.Groups = append(m.Groups, g.next.Name)
		}
		t.PutMembership(string(name), m)
	}
	for _, name := range g.leaves {
		m, err := t.Membership(string(name))
		if err != nil {
			return err
		}
		m.Groups = slices.DeleteFunc(m.Groups, func(group string) bool { return group == g.next.Name })
		t.PutMembership(string(name), m)
	}
	return nil
}

// getGroup tells of a group, and members of its roster.
func (c *caller) getGroup(ctx context.Context, m *pb.GetGroup) (*pb.Group, error) {
	if err := group.CheckName(m.Name); err != nil {
		return nil, err
	}
	var answer *pb.Group
	err := c.store.Look(ctx, func(t *accounts.Tx) error {
		u, err := c.acting(t)
		if err != nil {
			return err
		}
		stored, err := t.Group(m.Name)
		if err != nil {
			return err
		}
		if stored == nil {
			return fault.New(fault.NotFound, "there is no group %s", m.Name)
		}
		signed, err := account.ParseSigned(stored.Statement)
		if err != nil {
			return err
		}
		roster, err := group.ParseRoster(stored.Roster)
		if err != nil {
			return err
		}
		answer = &pb.Group{Statement: signed.Proto()}
		if _, member := roster.Find(u.name); member {
			answer.Roster = stored.Roster
		}
		return nil
	})
	return answer, err
}
