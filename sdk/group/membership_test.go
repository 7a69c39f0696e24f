package group

import (
	"fmt"
	"testing"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// Who is removed has no key in force any more, and who remains has the new ones
// and the old ones.
func TestRemoveStartsNewGenerations(t *testing.T) {
	for _, c := range []struct {
		removed     account.Name
		role        Role
		by          account.Name
		generations string
	}{
		{otherOwner, Owner, owner, "2 2 2 2"}, {delegate, Delegate, owner, "1 2 2 2"},
		{contributor, Contributor, delegate, "1 1 2 2"}, {observer, Observer, delegate, "1 1 1 2"},
	} {
		before := team().open(t, c.removed)
		n := team().next(t, c.by, remove(c.removed))
		if got := n.generations(t); got != c.generations {
			t.Errorf("after a %s left, the generations are %s", c.role, got)
		}
		_, err := Open(n.signed, n.roster, c.removed, readKey(c.removed))
		wantCode(t, "the removed "+c.role.String(), err, fault.NotFound)
		r, err := ParseRoster(n.roster)
		if err != nil {
			t.Fatal(err)
		}
		for _, held := range before.held {
			for _, k := range held {
				for _, generation := range []uint32{1, 2} {
					old := k
					old.Generation = generation
					if _, err := old.open(olderLabel, testGroup, r.secrets[k.Role].older); err == nil {
						t.Errorf("a removed %s opens the older keys of %ss", c.role, k.Role)
					}
					if _, err := old.open(belowLabel, testGroup, r.secrets[k.Role].below); err == nil {
						t.Errorf("a removed %s opens what is below %ss", c.role, k.Role)
					}
				}
			}
		}
		for _, m := range r.Members {
			opened := n.open(t, m.User)
			if opened.Damaged != nil {
				t.Errorf("%s: %v", m.User, opened.Damaged)
			}
			earlier := team().open(t, m.User)
			for _, role := range Roles() {
				held := opened.Keys(role)
				if !m.Role.Holds(role) {
					continue
				}
				if k := held[0]; k.ID() != opened.Statement.KeyID(role) {
					t.Errorf("%s holds another key of %ss", m.User, role)
				}
				if oldest := held[len(held)-1]; oldest.Generation != 1 || !sameSeed(oldest, earlier.Keys(role)[0]) {
					t.Errorf("%s lost the first key of %ss", m.User, role)
				}
			}
		}
	}
}

// Adding and raising make no new key; lowering does; and who gets a role opens
// what was there before him.
func TestAdd(t *testing.T) {
	s := team().next(t, owner, remove(contributor)).next(t, delegate, add(contributor, Observer))
	if got := s.generations(t); got != "1 1 2 2" {
		t.Errorf("generations %s", got)
	}
	if held := s.open(t, contributor).Keys(Observer); len(held) != 2 {
		t.Errorf("who came back holds %d keys", len(held))
	}
	s = s.next(t, owner, add(contributor, Delegate))
	if m := s.open(t, contributor); s.generations(t) != "1 1 2 2" || m.Role != Delegate || len(m.Keys(Contributor)) != 2 {
		t.Errorf("raised to %s", m.Role)
	}
	s = s.next(t, owner, add(contributor, Observer))
	if m := s.open(t, contributor); s.generations(t) != "1 2 3 3" || m.Role != Observer || m.Keys(Contributor) != nil {
		t.Errorf("lowered to %s, generations %s", m.Role, s.generations(t))
	}
	// An owner with new keys: the others give him the role's key again.
	s = s.next(t, owner, addWithKey(otherOwner, Owner))
	_, err := Open(s.signed, s.roster, otherOwner, readKey(otherOwner))
	wantCode(t, "the read key before", err, fault.NoReadKey)
	if _, err := Open(s.signed, s.roster, otherOwner, readKey(otherOwner), readKey(stranger)); err != nil {
		t.Error(err)
	}
}

func TestChangesThatAreNone(t *testing.T) {
	s := team()
	m := s.open(t, owner)
	_, _, err := m.Remove(owner, testTime)
	wantCode(t, "removing oneself", err, fault.BadRequest)
	_, _, err = m.Add(owner, readKey(owner).Public(), Observer, testTime)
	wantCode(t, "lowering oneself", err, fault.BadRequest)
	_, _, err = m.Remove(stranger, testTime)
	wantCode(t, "removing nobody", err, fault.NotFound)
	_, _, err = m.Add(stranger, readKey(stranger).Public(), 0, testTime)
	wantCode(t, "no role", err, fault.BadRequest)
	_, _, err = m.Add(stranger, keys.ReadPublicKey{}, Observer, testTime)
	wantCode(t, "no read key", err, fault.BadRequest)
	for _, name := range []string{"", "Engineers", "a.b", "a/b", "../x", "joe@example.com"} {
		_, _, err = Create(name, owner, readKey(owner).Public(), testTime)
		wantCode(t, name, err, fault.BadName)
	}
	_, _, err = Create(testGroup, owner, keys.ReadPublicKey{}, testTime)
	wantCode(t, "a creator without a key", err, fault.BadRequest)
	if again := s.open(t, owner); again.Statement.Roster != m.Statement.Roster || rosterHash(m.Roster.encode()) != m.Statement.Roster {
		t.Error("a change that failed changed the membership")
	}
	n := s.next(t, owner, func(*Membership) (account.Signed, []byte, error) { return m.Remove(observer, testTime) })
	if rosterHash(m.Roster.encode()) != m.Statement.Roster || n.signed.Hash() == s.signed.Hash() {
		t.Error("a change changed the membership that made it")
	}
}

// Attacks by a server on who opens a group: a swapped roster, another member's
// sealed keys, another role, another group's keys.
func TestOpenRefusesAttacks(t *testing.T) {
	s := team()
	ownerKey := s.key(t, owner, Owner)
	opening := func(n state, user account.Name) error {
		_, err := Open(n.signed, n.roster, user, readKey(user))
		return err
	}
	_, err := Open(s.signed, s.roster, observer, readKey(stranger))
	wantCode(t, "another read key", err, fault.NoReadKey)
	_, err = Open(s.signed, s.roster, observer)
	wantCode(t, "no read key", err, fault.NoReadKey)
	wantCode(t, "no member", opening(s, stranger), fault.NotFound)
	wantCode(t, "roster swapped", opening(state{s.signed, s.next(t, owner, remove(observer)).roster}, observer), fault.Damaged)
	for attack, edit := range map[string]func(r *accountpb.Roster){
		"wrapped keys of another member": func(r *accountpb.Roster) { find(r, contributor).Keys = find(r, delegate).Keys },
		"another role":                   func(r *accountpb.Roster) { find(r, contributor).Role = accountpb.Role_ROLE_DELEGATE },
		"another member with his own key": func(r *accountpb.Roster) {
			find(r, contributor).Keys = sealFor(t, stranger, s.open(t, contributor).Keys(Contributor)[0])
		},
		"another key": func(r *accountpb.Roster) { find(r, contributor).Keys = sealFor(t, contributor, newKey(Contributor, 1)) },
		"the key of another role": func(r *accountpb.Roster) {
			find(r, contributor).Keys = sealFor(t, contributor, s.open(t, owner).Keys(Observer)[0])
		},
		"a key of another generation": func(r *accountpb.Roster) { find(r, contributor).Keys = sealFor(t, contributor, newKey(Contributor, 2)) },
	} {
		wantCode(t, attack, opening(s.resign(t, keepStatement, edit, ownerKey), contributor), fault.Damaged)
	}
	other := state1(Create("others", owner, readKey(owner).Public(), testTime))
	foreign := new(accountpb.Roster)
	if err := foreign.UnmarshalVT(other.roster); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "keys of another group", opening(s.resign(t, keepStatement, func(r *accountpb.Roster) { find(r, owner).Keys = foreign.Members[0].Keys }, ownerKey), owner), fault.Damaged)
	wantCode(t, "signed by nobody of the group", opening(s.resign(t, keepStatement, keepRoster, keys.NewSigningKey()), owner), fault.NotAuthorized)
}

func sealFor(t *testing.T, user account.Name, k Key) []byte {
	t.Helper()
	wrapped, err := wrapTo(readKey(contributor).Public(), testGroup, user, k)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

// Sabotage: a delegate gives the others a contributors' key that is not the
// group's, which a server cannot see. An owner still opens the group, is told,
// and mends it by removing him.
func TestDelegateSabotages(t *testing.T) {
	s := team()
	m := s.open(t, delegate)
	n := s.next(t, delegate, remove(observer))
	r := m.Keys(Delegate)[0]
	lie := n.resign(t, keepStatement, func(roster *accountpb.Roster) {
		roster.Delegate.Below = r.seal(belowLabel, testGroup, newKey(Contributor, 1))
		roster.Contributor.Below = newKey(Contributor, 1).seal(belowLabel, testGroup, newKey(Observer, 2))
	}, r.Signing)
	if err := s.check(lie); err == nil {
		t.Error("a change that no new key needs was taken")
	}
	n = s.next(t, delegate, remove(contributor))
	lie = n.resign(t, keepStatement, func(roster *accountpb.Roster) {
		roster.Delegate.Below = r.seal(belowLabel, testGroup, newKey(Contributor, 2))
	}, r.Signing)
	if err := s.check(lie); err != nil {
		t.Fatalf("a server refuses what it cannot open: %v", err)
	}
	damaged := lie.open(t, owner)
	if damaged.Damaged == nil || len(damaged.Keys(Owner)) != 1 || len(damaged.Keys(Delegate)) != 1 || damaged.Keys(Contributor) != nil {
		t.Fatalf("the owner is told %v", damaged.Damaged)
	}
	_, _, err := damaged.Add(stranger, readKey(stranger).Public(), Contributor, testTime)
	wantCode(t, "giving a key that is not at hand", err, fault.Damaged)
	mended := lie.next(t, owner, remove(delegate))
	for _, user := range []account.Name{owner, otherOwner, otherDeleg, observer} {
		if m := mended.open(t, user); m.Damaged != nil || len(m.Keys(Observer)) == 0 {
			t.Errorf("%s: %v", user, m.Damaged)
		}
	}
}

// Sabotage: a delegate seals nonsense in the place of the contributors' older
// keys. Who opens the group has the newest ones, and is told.
func TestDelegateDestroysOlderKeys(t *testing.T) {
	s := team()
	n := s.next(t, delegate, remove(contributor))
	newest := n.open(t, delegate).Keys(Contributor)[0]
	for what, box := range map[string][]byte{
		"nonsense":        make([]byte, 100),
		"the newest":      newest.seal(olderLabel, testGroup, newest),
		"another role's":  newest.seal(olderLabel, testGroup, newKey(Owner, 1)),
		"of another use":  newest.seal(belowLabel, testGroup, newKey(Contributor, 1)),
		"of another name": newest.seal(olderLabel, "others", newKey(Contributor, 1)),
	} {
		lie := n.resign(t, keepStatement, func(r *accountpb.Roster) { r.Contributor.Older = box }, s.key(t, delegate, Delegate))
		if err := s.check(lie); err != nil {
			t.Fatalf("%s: a server refuses what it cannot open: %v", what, err)
		}
		m := lie.open(t, owner)
		wantCode(t, what, m.Damaged, fault.Damaged)
		if len(m.Keys(Contributor)) != 1 || len(m.Keys(Observer)) != 2 {
			t.Errorf("%s: %d keys of contributors and %d of observers are left", what, len(m.Keys(Contributor)), len(m.Keys(Observer)))
		}
		if got := m.Signed(); got.Hash() != lie.signed.Hash() {
			t.Error("the statement is another")
		}
	}
}

func TestDecodeKeychainRefuses(t *testing.T) {
	a, b := newKey(Observer, 1), newKey(Observer, 2)
	many := make([]Key, MaxGenerations+1)
	for i := range many {
		many[i] = a
		many[i].Generation = uint32(i + 1)
	}
	zero := a
	zero.Generation = 0
	for what, contents := range map[string][]Key{
		"out of order": {b, a}, "twice": {a, a}, "another role": {newKey(Owner, 1)}, "generation 0": {zero}, "too many": many,
	} {
		_, err := decodeKeychain(encodeKeychain(contents...), Observer)
		wantCode(t, what, err, fault.Damaged)
	}
	for what, plaintext := range map[string][]byte{"no message": {9}, "a short seed": {1<<3 | 2, 7, 1 << 3, 4, 2 << 3, 1, 3<<3 | 2, 1, 7}} {
		_, err := decodeKeychain(plaintext, Observer)
		wantCode(t, what, err, fault.Damaged)
	}
	for what, contents := range map[string][]Key{"none": {}, "two": {a, b}, "another generation": {b}} {
		_, err := decodeOne(encodeKeychain(contents...), Observer, 1)
		wantCode(t, what, err, fault.Damaged)
	}
	if got, err := decodeKeychain(encodeKeychain(many[:MaxGenerations]...), Observer); err != nil || len(got) != MaxGenerations {
		t.Errorf("%d keys: %v", len(got), err)
	}
}

// Of a role's keys, the newest 64 are kept.
func TestMaxGenerations(t *testing.T) {
	s := state1(Create(testGroup, owner, readKey(owner).Public(), testTime))
	m := s.open(t, owner)
	first := m.Keys(Observer)[0]
	for range MaxGenerations - 1 {
		m.held[Observer] = append([]Key{newKey(Observer, m.held[Observer][0].Generation+1)}, m.held[Observer]...)
	}
	m.Statement.Observer = ReadRole{MaxGenerations, m.held[Observer][0].Read.Public()}
	n := state1(forge(m, Observer, func(*Roster) {})(nil))
	held := n.open(t, owner).Keys(Observer)
	if len(held) != MaxGenerations || held[0].Generation != MaxGenerations+1 || held[len(held)-1].Generation != 2 || sameSeed(held[len(held)-1], first) {
		t.Errorf("%d keys, from generation %d to %d", len(held), held[len(held)-1].Generation, held[0].Generation)
	}
	m.held[Contributor] = nil
	for i := range MaxGenerations {
		m.held[Contributor] = append([]Key{newKey(Contributor, uint32(i+1))}, m.held[Contributor]...)
	}
	box := m.held[Contributor][0].seal(olderLabel, testGroup, m.held[Contributor][1:]...)
	if len(box) > maxKeychain {
		t.Errorf("the largest keychain has %d bytes, over %d", len(box), maxKeychain)
	}
}

// A group of the most members fits, and takes no more.
func TestMaxMembers(t *testing.T) {
	s := state1(Create(testGroup, owner, readKey(owner).Public(), testTime))
	read := readKey(stranger).Public()
	full := s.next(t, owner, func(m *Membership) (account.Signed, []byte, error) {
		return forge(m, 0, func(r *Roster) {
			for i := range MaxMembers - 1 {
				r.Members = append(r.Members, Member{User: account.Name(fmt.Sprintf("user%04d@example.com", i)), Role: Observer, Read: read})
			}
		})(m)
	})
	if len(full.roster) > MaxRoster-MaxMembers*(account.MaxName-20) {
		t.Errorf("the roster has %d bytes", len(full.roster))
	}
	m := full.open(t, owner)
	_, _, err := m.Add(stranger, read, Observer, testTime)
	wantCode(t, "one more", err, fault.TooLarge)
	less := full.next(t, owner, remove("user0500@example.com"))
	if less.generations(t) != "1 1 1 2" {
		t.Error("the observers' key stayed")
	}
	more := m.Roster
	more.Members = append(more.Members, Member{User: "zoe@example.com", Role: Observer, Read: read, Keys: more.Members[1].Keys})
	_, err = ParseRoster(more.encode())
	wantCode(t, "a roster of one more", err, fault.BadRequest)
}
