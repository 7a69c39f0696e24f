package group

import (
	"testing"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

func accountRole(n int32) accountpb.Role { return accountpb.Role(n) }

// What a server, or a member with a client of his own, may put in the place of a
// group's next statement.
func TestCheckRefusesAttacks(t *testing.T) {
	s := team()
	good := s.next(t, owner, add(stranger, Observer))
	after := good.next(t, owner, remove(stranger))
	noDelegate := s.next(t, owner, remove(delegate))
	ownerKey, delegateKey := s.key(t, owner, Owner), s.key(t, delegate, Delegate)
	contributorKey := s.key(t, contributor, Contributor)
	evil := keys.NewSigningKey()
	evilState := func() state {
		signed, roster, err := Create(testGroup, stranger, readKey(stranger).Public(), testTime)
		if err != nil {
			t.Fatal(err)
		}
		return state{signed, roster}
	}()
	edit := func(f func(m *accountpb.GroupStatement), signers ...*keys.SigningKey) state {
		return good.resign(t, f, keepRoster, signers...)
	}
	for _, c := range []struct {
		attack string
		before state
		after  state
		code   fault.Code
		part   string
	}{
		{"statement substituted by the server", s, edit(func(m *accountpb.GroupStatement) { m.Owner.PublicKey = evil.Public().Bytes(); m.Owner.Generation++ }, evil), fault.BadRequest, "must be new too"},
		{"another group under the name", s, evilState, fault.VersionConflict, "number 0"},
		{"predecessor skipped", s, after, fault.VersionConflict, "has number"},
		{"number gap", s, edit(func(m *accountpb.GroupStatement) { m.Number++ }, ownerKey), fault.VersionConflict, "has number"},
		{"the old statement again", good, good, fault.VersionConflict, "has number"},
		{"another history", good, after.resign(t, func(m *accountpb.GroupStatement) { m.Previous[0] ^= 1 }, keepRoster, ownerKey), fault.VersionConflict, "another statement"},
		{"statement of another group", s, edit(func(m *accountpb.GroupStatement) { m.Name = "others" }, ownerKey), fault.BadRequest, "cannot follow"},
		{"nobody that the group knows signs", s, edit(keepStatement, evil), fault.NotAuthorized, "neither by its owners"},
		{"contributor signs", s, edit(keepStatement, contributorKey), fault.NotAuthorized, "neither by its owners"},
		{"signed for another purpose", s, state{account.Sign(keys.ForAdvert, good.signed.Statement, ownerKey), good.roster}, fault.NotAuthorized, "neither by its owners"},
		{"a stranger signs as well", s, edit(keepStatement, ownerKey, evil), fault.NotAuthorized, "no say"},
		{"a delegate signs as well as the owner", s, edit(keepStatement, ownerKey, delegateKey), fault.NotAuthorized, "no say"},
		{"statement signed by removed delegate", noDelegate, func() state {
			n := noDelegate.next(t, owner, add(stranger, Observer))
			return n.resign(t, keepStatement, keepRoster, delegateKey)
		}(), fault.NotAuthorized, "neither by its owners"},
		{"removed delegate names his old key again", noDelegate, func() state {
			n := noDelegate.next(t, owner, add(stranger, Observer))
			return n.resign(t, func(m *accountpb.GroupStatement) {
				m.Delegate.PublicKey = delegateKey.Public().Bytes()
				m.Delegate.Generation++
			}, keepRoster, delegateKey)
		}(), fault.BadRequest, "must be new too"},
		{"delegate promotes himself", s, good.resign(t, keepStatement, func(r *accountpb.Roster) { find(r, delegate).Role = accountpb.Role_ROLE_OWNER }, delegateKey), fault.NotAuthorized, "only owners"},
		{"delegate removes an owner", s, state1(forgeRemove(otherOwner, Contributor)(s.open(t, delegate))(nil)), fault.NotAuthorized, "only owners"},
		{"delegate takes an owner's keys away", s, good.resign(t, keepStatement, func(r *accountpb.Roster) { find(r, otherOwner).Keys[1200]++ }, delegateKey), fault.NotAuthorized, "only owners"},
		{"delegate replaces the owners' key", s, state1(forge(armed(s.open(t, delegate)), Owner, func(*Roster) {})(nil)), fault.NotAuthorized, "only owners"},
		{"delegate replaces the delegates' key", s, state1(forge(armed(s.open(t, delegate)), Delegate, func(*Roster) {})(nil)), fault.NotAuthorized, "only owners"},
		{"delegate destroys the delegates' older keys", noDelegate, noDelegate.next(t, otherDeleg, add(stranger, Observer)).resign(t, keepStatement,
			func(r *accountpb.Roster) { r.Delegate.Older[40]++ }, noDelegate.key(t, otherDeleg, Delegate)), fault.BadRequest, "older keys of the delegates"},
		{"delegate destroys what owners open", s, good.resign(t, keepStatement, func(r *accountpb.Roster) { r.Owner.Below[40]++ }, delegateKey), fault.BadRequest, "key below the owners"},
		{"roster swapped", s, state{good.signed, s.roster}, fault.Damaged, "not the one"},
		{"roster of another group", s, good.resign(t, keepStatement, func(r *accountpb.Roster) { r.Group = "others" }, ownerKey), fault.BadRequest, "roster of group others"},
		{"the roster before swapped", state{s.signed, good.roster}, good, fault.Damaged, "not the one"},
		{"no owner left", s, good.resign(t, keepStatement, func(r *accountpb.Roster) {
			find(r, owner).Role, find(r, otherOwner).Role = accountpb.Role_ROLE_OBSERVER, accountpb.Role_ROLE_OBSERVER
		}, ownerKey), fault.BadRequest, "no owner"},
		{"a member leaves and his keys stay", s, state1(forgeRemove(contributor, 0)(s.open(t, owner))(nil)), fault.BadRequest, "is not new"},
		{"a delegate leaves and only contributors' keys are new", s, state1(forgeRemove(delegate, Contributor)(s.open(t, owner))(nil)), fault.BadRequest, "is not new"},
		{"a role is lowered and its key stays", s, state1(forgeRole(otherDeleg, Contributor, 0)(s.open(t, owner))(nil)), fault.BadRequest, "is not new"},
		{"a new key that a member does not get", s, func() state {
			n := s.next(t, owner, remove(contributor))
			old := new(accountpb.Roster)
			if err := old.UnmarshalVT(s.roster); err != nil {
				t.Fatal(err)
			}
			return n.resign(t, keepStatement, func(r *accountpb.Roster) { find(r, observer).Keys = find(old, observer).Keys }, ownerKey)
		}(), fault.BadRequest, "does not give the new"},
		{"a new read key, and the old sealed keys", s, func() state {
			n := s.next(t, owner, remove(contributor))
			old := new(accountpb.Roster)
			if err := old.UnmarshalVT(s.roster); err != nil {
				t.Fatal(err)
			}
			return n.resign(t, keepStatement, func(r *accountpb.Roster) {
				find(r, observer).Keys, find(r, observer).ReadKey = find(old, observer).Keys, readKey(stranger).Public().Bytes()
			}, ownerKey)
		}(), fault.BadRequest, "does not give the new"},
		{"a new key under the old generation", s, edit(func(m *accountpb.GroupStatement) { m.Observer.PublicKey = readKey(stranger).Public().Bytes() }, ownerKey), fault.BadRequest, "next generation"},
		{"the old key under a new generation", s, edit(func(m *accountpb.GroupStatement) { m.Observer.Generation++ }, ownerKey), fault.BadRequest, "next generation"},
		{"a generation skipped", s, edit(func(m *accountpb.GroupStatement) {
			m.Observer.PublicKey = readKey(stranger).Public().Bytes()
			m.Observer.Generation += 2
		}, ownerKey), fault.BadRequest, "next generation"},
		{"a generation that goes back", noDelegate, noDelegate.next(t, owner, add(stranger, Observer)).resign(t, func(m *accountpb.GroupStatement) {
			m.Observer.PublicKey = readKey(stranger).Public().Bytes()
			m.Observer.Generation--
		}, keepRoster, noDelegate.key(t, owner, Owner)), fault.BadRequest, "next generation"},
	} {
		wantError(t, c.attack, c.before.check(c.after), c.code, c.part)
	}
	if err := s.check(good); err != nil {
		t.Errorf("the honest one: %v", err)
	}
}

func state1(signed account.Signed, roster []byte, err error) state {
	if err != nil {
		panic(err)
	}
	return state{signed, roster}
}

// A first statement has number 0 and generations 1, and is its owners'.
func TestCheckFirstRefuses(t *testing.T) {
	s := team()
	first := state1(Create(testGroup, owner, readKey(owner).Public(), testTime))
	key := first.key(t, owner, Owner)
	for _, c := range []struct {
		attack string
		first  state
		code   fault.Code
	}{
		{"a later statement as the first", s, fault.VersionConflict},
		{"signed by the delegates", first.resign(t, keepStatement, keepRoster, first.key(t, owner, Delegate)), fault.NotAuthorized},
		{"signed by a stranger as well", first.resign(t, keepStatement, keepRoster, key, keys.NewSigningKey()), fault.NotAuthorized},
		{"a predecessor named", first.resign(t, func(m *accountpb.GroupStatement) { m.Previous = make([]byte, 32) }, keepRoster, key), fault.BadRequest},
		{"a later generation", first.resign(t, func(m *accountpb.GroupStatement) { m.Delegate.Generation = 2 }, keepRoster, key), fault.BadRequest},
		{"another roster", state{first.signed, s.roster}, fault.Damaged},
	} {
		_, err := Check(nil, nil, c.first.signed, c.first.roster)
		wantCode(t, c.attack, err, c.code)
	}
}

// Who is no member checks statements without rosters.
func TestCheckStatement(t *testing.T) {
	s := team()
	n := s.next(t, owner, remove(delegate))
	got, err := CheckStatement(&s.signed, n.signed)
	if err != nil || got.Number != 6 || got.Generation(Delegate) != 2 || got.Generation(Owner) != 1 || !got.Created.Equal(testTime) {
		t.Errorf("%+v: %v", got.Number, err)
	}
	_, err = CheckStatement(&n.signed, s.signed)
	wantCode(t, "rolled back", err, fault.VersionConflict)
	_, err = CheckStatement(nil, n.signed)
	wantCode(t, "not the first", err, fault.VersionConflict)
}
