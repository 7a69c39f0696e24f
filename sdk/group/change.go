package group

import (
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// Create returns the first statement of a group and its roster, whose only
// member is the user, as an owner. The keys of the roles are new; Open gives
// them.
func Create(name string, user account.Name, read keys.ReadPublicKey, now time.Time) (account.Signed, []byte, error) {
	if err := CheckName(name); err != nil {
		return account.Signed{}, nil, err
	}
	founding := &Membership{User: user, Role: Owner, Statement: Statement{Name: name}}
	next := draft{
		from:    founding,
		roster:  Roster{Group: name, Members: []Member{{User: user, Role: Owner, Read: read}}},
		rotated: Owner,
	}
	return next.finish(now)
}

// Add gives a role to a user, with the read key that his advert names. A user who
// is a member already gets the role in the place of his own, and the read key in
// the place of the one that was known; if the role is a lower one, the keys that
// he may no longer have get a new generation.
//
// What the member's own role may not do is a fault with code not_authorized.
func (m *Membership) Add(user account.Name, read keys.ReadPublicKey, role Role, now time.Time) (account.Signed, []byte, error) {
	if !role.valid() || read.IsZero() {
		return account.Signed{}, nil, fault.New(fault.BadRequest, "a member of group %s needs a role and a read key", m.Statement.Name)
	}
	next := draft{from: m, roster: m.Roster}
	next.roster.Members = slices.Clone(m.Roster.Members)
	i, found := m.Roster.search(user)
	if err := m.mayManage(role, "to give that role"); err != nil {
		return account.Signed{}, nil, err
	}
	if !found {
		if len(m.Roster.Members) >= MaxMembers {
			return account.Signed{}, nil, fault.New(fault.TooLarge, "group %s has %d members; more are not allowed", m.Statement.Name, MaxMembers)
		}
		next.roster.Members = slices.Insert(next.roster.Members, i, Member{User: user, Role: role, Read: read})
		return next.finish(now)
	}
	before := m.Roster.Members[i].Role
	if err := m.mayManage(before, "to change the role of "+string(user)); err != nil {
		return account.Signed{}, nil, err
	}
	if user == m.User && role != before {
		return account.Signed{}, nil, fault.New(fault.BadRequest, "nobody changes his own role in group %s; ask another owner to", m.Statement.Name)
	}
	if role > before {
		next.rotated = before
	}
	next.roster.Members[i] = Member{User: user, Role: role, Read: read}
	return next.finish(now)
}

// Remove takes a member out. Every key that his role holds gets a new generation,
// for those who remain; he keeps the old ones, which open what was there before.
// So nobody can remove himself: he would know the new ones.
//
// A user who is no member is a fault with code not_found; what the member's own
// role may not do, one with not_authorized.
func (m *Membership) Remove(user account.Name, now time.Time) (account.Signed, []byte, error) {
	i, found := m.Roster.search(user)
	if !found {
		return account.Signed{}, nil, fault.New(fault.NotFound, "%s is no member of group %s", user, m.Statement.Name)
	}
	role := m.Roster.Members[i].Role
	if err := m.mayManage(role, "to remove "+string(user)); err != nil {
		return account.Signed{}, nil, err
	}
	if user == m.User {
		return account.Signed{}, nil, fault.New(fault.BadRequest, "nobody removes himself from group %s, for he would know the new keys; ask another owner to", m.Statement.Name)
	}
	next := draft{from: m, roster: m.Roster, rotated: role}
	next.roster.Members = slices.Delete(slices.Clone(m.Roster.Members), i, i+1)
	return next.finish(now)
}

func (m *Membership) mayManage(role Role, to string) error {
	if m.Role.MayManage(role) {
		return nil
	}
	return fault.New(fault.NotAuthorized, "%s is a member of group %s with the role of %s, which does not suffice %s: %s", m.User, m.Statement.Name, m.Role.String(), to, role.String())
}

// draft is a change of a group in the making. Members whose Keys are empty, or
// whose role's key is new, get their keys sealed to them.
type draft struct {
	from    *Membership // who makes it; the group before
	roster  Roster
	rotated Role // this role and those below get new keys; 0 for none
}

func (d *draft) rotates(r Role) bool { return d.rotated.Holds(r) }

func (d *draft) finish(now time.Time) (account.Signed, []byte, error) {
	held := d.nextKeys()
	if err := d.wrapAll(held); err != nil {
		return account.Signed{}, nil, err
	}
	if err := d.sealSecrets(held); err != nil {
		return account.Signed{}, nil, err
	}
	encoded := d.roster.encode()
	if len(encoded) > MaxRoster {
		return account.Signed{}, nil, fault.New(fault.TooLarge, "the roster of group %s would have %d bytes; at most %d are allowed", d.roster.Group, len(encoded), MaxRoster)
	}
	before := d.from
	s := before.Statement
	s.Roster, s.Created = rosterHash(encoded), now
	for _, r := range Roles() {
		if d.rotates(r) {
			s.setKey(held[r][0])
		}
	}
	signers := []*keys.SigningKey{held[before.Role][0].Signing}
	if old := before.held[before.Role]; len(old) > 0 { // there is a statement before
		s.Number, s.Previous = s.Number+1, before.signed.Hash()
		signers = append(signers, old[0].Signing)
	}
	return account.Sign(keys.ForGroup, s.encode(), signers...), encoded, nil
}

// nextKeys returns the keys after the change, by role, the newest first.
func (d *draft) nextKeys() [Observer + 1][]Key {
	held := d.from.held
	for _, r := range Roles() {
		if d.rotates(r) {
			next := append([]Key{newKey(r, d.from.Statement.Generation(r)+1)}, held[r]...)
			held[r] = next[:min(len(next), MaxGenerations)]
		}
	}
	return held
}

// setKey has the statement name a role's new key.
func (s *Statement) setKey(k Key) {
	switch k.Role {
	case Owner:
		s.Owner = SigningRole{k.Generation, k.Signing.Public()}
	case Delegate:
		s.Delegate = SigningRole{k.Generation, k.Signing.Public()}
	case Contributor:
		s.Contributor = SigningRole{k.Generation, k.Signing.Public()}
	case Observer:
		s.Observer = ReadRole{k.Generation, k.Read.Public()}
	}
}

func (d *draft) wrapAll(held [Observer + 1][]Key) error {
	for i, member := range d.roster.Members {
		if len(member.Keys) > 0 && !d.rotates(member.Role) {
			continue
		}
		if len(held[member.Role]) == 0 {
			return d.missing(member.Role)
		}
		wrapped, err := wrapTo(member.Read, d.roster.Group, member.User, held[member.Role][0])
		if err != nil {
			return err
		}
		d.roster.Members[i].Keys = wrapped
	}
	return nil
}

// sealSecrets seals anew what each role can open, where keys are new.
func (d *draft) sealSecrets(held [Observer + 1][]Key) error {
	for _, r := range Roles() {
		if d.rotates(r) {
			d.roster.secrets[r].older = nil
			if older := slices.Clone(held[r][1:]); len(older) > 0 {
				slices.Reverse(older)
				d.roster.secrets[r].older = held[r][0].seal(olderLabel, d.roster.Group, older...)
			}
		}
		if below := r + 1; r != Observer && d.rotates(below) {
			if len(held[r]) == 0 {
				return d.missing(r)
			}
			d.roster.secrets[r].below = held[r][0].seal(belowLabel, d.roster.Group, held[below][0])
		}
	}
	return nil
}

func (d *draft) missing(r Role) error {
	return fault.New(fault.Damaged, "the %ss' key of group %s is not at hand: %w", r, d.roster.Group, d.from.Damaged)
}
