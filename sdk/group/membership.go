package group

import (
	"fmt"
	"io"
	"slices"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// Membership is a group as one of its members sees it, with the keys that his
// role holds. It never changes, and prints without them.
type Membership struct {
	User      account.Name
	Role      Role
	Statement Statement
	Roster    Roster
	// Damaged says what of the roles below could not be opened, because who
	// changed the group last was mistaken, or a saboteur; nil if all could. An
	// owner mends it by removing that delegate.
	Damaged error

	signed account.Signed
	held   [Observer + 1][]Key // by role, the newest first
}

// Open opens a group for one of its members, with those of his read keys that he
// still has. That the statement continues one that is known to be good, Check
// or CheckStatement has to say.
//
// A statement, or a roster, that is not good is a fault with the code that
// ParseStatement or ParseRoster gives, or damaged if they do not belong
// together; one with code not_found says that the user is no member, and one
// with no_read_key that the roster names another read key.
func Open(signed account.Signed, roster []byte, user account.Name, reads ...*keys.ReadKey) (*Membership, error) {
	s, err := ParseStatement(signed)
	if err != nil {
		return nil, err
	}
	r, err := s.parseRoster(roster)
	if err != nil {
		return nil, err
	}
	member, ok := r.Find(user)
	if !ok {
		return nil, fault.New(fault.NotFound, "%s is no member of group %s", user, s.Name)
	}
	read, err := choose(reads, member, s.Name)
	if err != nil {
		return nil, err
	}
	newest, err := unwrap(read, s.Name, member, s.Generation(member.Role))
	if err == nil && newest.ID() != s.KeyID(member.Role) {
		err = fault.New(fault.Damaged, "it is not the key that the statement names")
	}
	if err != nil {
		return nil, fault.New(fault.Damaged, "the %ss' key that group %s gives to %s cannot be used; ask an owner to add you again: %w", member.Role, s.Name, user, err)
	}
	m := &Membership{User: user, Role: member.Role, Statement: s, Roster: r, signed: signed}
	m.Damaged = m.openFrom(newest)
	return m, nil
}

// parseRoster parses the statement's roster.
func (s Statement) parseRoster(encoded []byte) (Roster, error) {
	if rosterHash(encoded) != s.Roster {
		return Roster{}, fault.New(fault.Damaged, "the roster of group %s is not the one that its statement %d names", s.Name, s.Number)
	}
	r, err := ParseRoster(encoded)
	if err == nil && r.Group != s.Name {
		err = fault.New(fault.BadRequest, "the statement of group %s names a roster of group %s", s.Name, r.Group)
	}
	return r, err
}

func choose(reads []*keys.ReadKey, member Member, group string) (*keys.ReadKey, error) {
	for _, read := range reads {
		if public := read.Public(); public.ID() == member.Read.ID() {
			return read, nil
		}
	}
	return nil, fault.New(fault.NoReadKey, "group %s gives its keys to the read key %s of %s, which is not among the keys at hand; ask an owner to add you again", group, member.Read, member.User)
}

// openFrom opens all that a role's newest key opens, down to the observers' keys.
// What it opens before an error, it keeps.
func (m *Membership) openFrom(newest Key) error {
	r := newest.Role
	m.held[r] = []Key{newest}
	older, err := m.openOlder(newest)
	m.held[r] = append(m.held[r], older...)
	if r == Observer {
		return err
	}
	below, belowErr := m.openBelow(newest)
	if belowErr != nil {
		return belowErr
	}
	if deeper := m.openFrom(below); deeper != nil {
		return deeper
	}
	return err
}

// openOlder returns the role's keys before, the newest first.
func (m *Membership) openOlder(newest Key) ([]Key, error) {
	box := m.Roster.secrets[newest.Role].older
	if len(box) == 0 {
		return nil, nil
	}
	plaintext, err := newest.open(olderLabel, m.Statement.Name, box)
	if err != nil {
		return nil, fault.New(fault.Damaged, "the older keys of the %ss of group %s: %w", newest.Role, m.Statement.Name, err)
	}
	older, err := decodeKeychain(plaintext, newest.Role)
	if err == nil && len(older) > 0 && older[len(older)-1].Generation >= newest.Generation {
		err = fault.New(fault.Damaged, "they are not older than the newest")
	}
	if err != nil {
		return nil, fault.New(fault.Damaged, "the older keys of the %ss of group %s: %w", newest.Role, m.Statement.Name, err)
	}
	slices.Reverse(older)
	return older, nil
}

// openBelow returns the newest key of the role below.
func (m *Membership) openBelow(newest Key) (Key, error) {
	r := newest.Role + 1
	var below Key
	plaintext, err := newest.open(belowLabel, m.Statement.Name, m.Roster.secrets[newest.Role].below)
	if err == nil {
		below, err = decodeOne(plaintext, r, m.Statement.Generation(r))
	}
	if err == nil && below.ID() != m.Statement.KeyID(r) {
		err = fault.New(fault.Damaged, "it is not the key that the statement names")
	}
	if err != nil {
		return Key{}, fault.New(fault.Damaged, "the %ss' key of group %s: %w", r, m.Statement.Name, err)
	}
	return below, nil
}

// Keys returns the keys of a role that the member holds, the newest first; none
// if his role does not hold them.
func (m *Membership) Keys(r Role) []Key {
	if !r.valid() {
		return nil
	}
	return slices.Clone(m.held[r])
}

// Signed returns the statement as it is signed.
func (m *Membership) Signed() account.Signed { return m.signed }

// Format prints who is a member of what, whatever the verb.
func (m Membership) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, fmt.Sprintf("%s, %s of group %s", m.User, m.Role.String(), m.Statement.Name))
}
