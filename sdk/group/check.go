package group

import (
	"bytes"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// CheckStatement checks that a statement continues the one before, which is
// known to be good, or that it is a first one if there is none, and returns what
// it says. It is all that who is no member can check.
//
// A statement that comes behind another one than previous is a fault with code
// version_conflict; one by somebody who may not say it, one with not_authorized.
func CheckStatement(previous *account.Signed, next account.Signed) (Statement, error) {
	c, err := newComparison(previous, next)
	if err != nil {
		return Statement{}, err
	}
	return c.next, nil
}

// Check is like CheckStatement, and checks as well that the rosters are those of
// the statements, and that who signed the change may make it: owners any,
// delegates those of contributors, observers and their keys. Whoever leaves a
// role must have no key in force.
//
// A roster that does not belong to its statement is a fault with code damaged.
func Check(previous *account.Signed, previousRoster []byte, next account.Signed, nextRoster []byte) (Statement, error) {
	c, err := newComparison(previous, next)
	if err != nil {
		return Statement{}, err
	}
	after, err := c.next.parseRoster(nextRoster)
	if err != nil {
		return Statement{}, err
	}
	if previous == nil {
		return c.next, nil
	}
	before, err := c.previous.parseRoster(previousRoster)
	if err != nil {
		return Statement{}, err
	}
	if err := c.checkMembers(before, after); err != nil {
		return Statement{}, err
	}
	if err := c.checkSecrets(before, after); err != nil {
		return Statement{}, err
	}
	return c.next, nil
}

// comparison is a statement and the one before it.
type comparison struct {
	previous, next Statement
	signer         Role // Owner or Delegate
	rotated        Role // this role and those below have new keys; 0 for none
}

func newComparison(previous *account.Signed, next account.Signed) (comparison, error) {
	s, err := ParseStatement(next)
	if err != nil {
		return comparison{}, err
	}
	c := comparison{next: s, signer: Owner, rotated: Owner}
	if previous == nil {
		return c, c.checkFirst(next)
	}
	if c.previous, err = ParseStatement(*previous); err != nil {
		return comparison{}, err
	}
	if err := c.checkPlace(*previous); err != nil {
		return comparison{}, err
	}
	if c.rotated, err = c.findRotated(); err != nil {
		return comparison{}, err
	}
	c.signer, err = c.findSigner(next)
	return c, err
}

func (c comparison) checkFirst(next account.Signed) error {
	if c.next.Number != 0 {
		return fault.New(fault.VersionConflict, "the statement of group %s has number %d; the first has number 0", c.next.Name, c.next.Number)
	}
	return next.VerifyExactly(keys.ForGroup, c.next.Owner.Key)
}

func (c comparison) checkPlace(previous account.Signed) error {
	before, after := c.previous, c.next
	switch {
	case after.Name != before.Name:
		return fault.New(fault.BadRequest, "the statement of group %s cannot follow one of group %s", after.Name, before.Name)
	case after.Number != before.Number+1:
		return fault.New(fault.VersionConflict, "the statement of group %s has number %d; %d comes after number %d", after.Name, after.Number, before.Number+1, before.Number)
	case after.Previous != previous.Hash():
		return fault.New(fault.VersionConflict, "statement %d of group %s follows another statement %d than the one that is known", after.Number, after.Name, before.Number)
	}
	return nil
}

// findRotated returns the highest role with a new key.
func (c comparison) findRotated() (Role, error) {
	rotated := Role(0)
	for _, r := range Roles() {
		before, after := c.previous.Generation(r), c.next.Generation(r)
		same := c.previous.KeyID(r) == c.next.KeyID(r)
		switch {
		case after == before && same && rotated == 0:
		case after == before && same:
			return 0, fault.New(fault.BadRequest, "statement %d of group %s has a new %ss' key and the old %ss' key; those below must be new too", c.next.Number, c.next.Name, rotated, r)
		case uint64(after) != uint64(before)+1 || same:
			return 0, fault.New(fault.BadRequest, "statement %d of group %s has generation %d of the %ss' key, after %d; a new key has the next generation, and only a new one", c.next.Number, c.next.Name, after, r, before)
		case rotated == 0:
			rotated = r
		}
	}
	return rotated, nil
}

// findSigner returns the role in the previous statement whose key signed the
// next one.
func (c comparison) findSigner(next account.Signed) (Role, error) {
	if next.Verify(keys.ForGroup, c.previous.Owner.Key) == nil {
		return Owner, next.VerifyExactly(keys.ForGroup, c.previous.Owner.Key, c.next.Owner.Key)
	}
	if next.Verify(keys.ForGroup, c.previous.Delegate.Key) != nil {
		return 0, fault.New(fault.NotAuthorized, "statement %d of group %s is signed neither by the owners nor by the delegates that statement %d names", c.next.Number, c.next.Name, c.previous.Number)
	}
	if c.rotated != 0 && !Delegate.MayManage(c.rotated) {
		return 0, fault.New(fault.NotAuthorized, "statement %d of group %s has a new %ss' key, and is signed by a delegate; only owners may do that", c.next.Number, c.next.Name, c.rotated)
	}
	return Delegate, next.VerifyExactly(keys.ForGroup, c.previous.Delegate.Key)
}

// checkMembers walks both rosters in order.
func (c comparison) checkMembers(before, after Roster) error {
	i, j := 0, 0
	for i < len(before.Members) || j < len(after.Members) {
		var old, now *Member
		if i < len(before.Members) && (j == len(after.Members) || before.Members[i].User <= after.Members[j].User) {
			old = &before.Members[i]
		}
		if j < len(after.Members) && (i == len(before.Members) || after.Members[j].User <= before.Members[i].User) {
			now = &after.Members[j]
		}
		if err := c.checkMember(old, now); err != nil {
			return err
		}
		if old != nil {
			i++
		}
		if now != nil {
			j++
		}
	}
	return nil
}

// checkMember checks what becomes of a user; nil stands for no member.
func (c comparison) checkMember(old, now *Member) error {
	if old != nil && now != nil && old.equal(now) {
		if c.rotated.Holds(now.Role) {
			return fault.New(fault.BadRequest, "group %s does not give the new %ss' key to %s", c.next.Name, now.Role, now.User)
		}
		return nil
	}
	for _, m := range []*Member{old, now} {
		if m != nil && !c.signer.MayManage(m.Role) {
			return fault.New(fault.NotAuthorized, "the change of %s, %s of group %s, is signed by a delegate; only owners may do that", m.User, m.Role.String(), c.next.Name)
		}
	}
	if old != nil && (now == nil || now.Role > old.Role) && !c.rotated.Holds(old.Role) {
		return fault.New(fault.BadRequest, "%s is no longer %s of group %s, and its key is not new", old.User, old.Role.String(), c.next.Name)
	}
	if old != nil && now != nil && c.rotated.Holds(now.Role) && bytes.Equal(old.Keys, now.Keys) {
		return fault.New(fault.BadRequest, "group %s does not give the new %ss' key to %s", c.next.Name, now.Role, now.User)
	}
	return nil
}

func (m *Member) equal(other *Member) bool {
	return m.User == other.User && m.Role == other.Role && m.Read.ID() == other.Read.ID() && bytes.Equal(m.Keys, other.Keys)
}

// checkSecrets checks that what a role can open is sealed anew where its key or
// that of the role below is new, and only there.
func (c comparison) checkSecrets(before, after Roster) error {
	for _, r := range Roles() {
		old, now := before.secrets[r], after.secrets[r]
		olderNew := c.rotated.Holds(r)
		belowNew := r != Observer && c.rotated.Holds(r+1)
		if bytes.Equal(old.older, now.older) == olderNew && len(now.older)+len(old.older) > 0 {
			return fault.New(fault.BadRequest, "the older keys of the %ss of group %s are sealed anew without a new key, or not with one", r, c.next.Name)
		}
		if bytes.Equal(old.below, now.below) == belowNew && r != Observer {
			return fault.New(fault.BadRequest, "the key below the %ss of group %s is sealed anew without a new key, or not with one", r, c.next.Name)
		}
	}
	return nil
}
