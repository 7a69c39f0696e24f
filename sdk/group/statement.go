package group

import (
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/canonical"
	"github.com/atedb/atedb/sdk/keys"
)

// Statement is what everyone may know of a group: the public keys of its roles.
type Statement struct {
	Name        string
	Number      uint64     // 0 for the first, and one more each time
	Previous    event.Hash // of the statement before; zeros in the first
	Owner       SigningRole
	Delegate    SigningRole
	Contributor SigningRole
	Observer    ReadRole
	Roster      event.Hash // SHA-256 of the encoded roster
	Created     time.Time  // by the clock of who made it, to the millisecond
}

// SigningRole is the newest key of a role that signs.
type SigningRole struct {
	Generation uint32 // 1 for the role's first key, and one more each time
	Key        keys.PublicKey
}

// ReadRole is the newest key of a role that reads.
type ReadRole struct {
	Generation uint32 // 1 for the role's first key, and one more each time
	Key        keys.ReadPublicKey
}

// RootKeys returns the encoded keys that may write the roots of the group's
// chains: the owners' and the delegates'.
func (s Statement) RootKeys() [][]byte {
	return [][]byte{s.Owner.Key.Bytes(), s.Delegate.Key.Bytes()}
}

// Generation returns the generation of a role's newest key; 0 of no role.
func (s Statement) Generation(r Role) uint32 {
	generation, _ := s.key(r)
	return generation
}

// KeyID returns the id of a role's newest key; zeros of no role.
func (s Statement) KeyID(r Role) event.Hash {
	_, id := s.key(r)
	return id
}

func (s Statement) key(r Role) (generation uint32, id event.Hash) {
	switch r {
	case Owner:
		return s.Owner.Generation, s.Owner.Key.ID()
	case Delegate:
		return s.Delegate.Generation, s.Delegate.Key.ID()
	case Contributor:
		return s.Contributor.Generation, s.Contributor.Key.ID()
	case Observer:
		return s.Observer.Generation, s.Observer.Key.ID()
	}
	return 0, event.Hash{}
}

// CheckName returns what is wrong with a group's name, as a fault with code
// bad_name. Groups are named as in the name of a chain.
func CheckName(name string) error {
	if chain, err := chainname.Parse(name + "/x"); err != nil || chain.Owner() != name || !chain.IsGroup() {
		return fault.New(fault.BadName, "%q is not a group's name; one has 1 to %d small letters and digits and, inside, - and _", name[:min(len(name), 100)], chainname.MaxPart)
	}
	return nil
}

func (s Statement) encode() []byte {
	m := &accountpb.GroupStatement{
		Name: s.Name, Number: s.Number, Roster: s.Roster[:], Created: s.Created.UnixMilli(),
		Owner:       &accountpb.RoleKey{Generation: s.Owner.Generation, PublicKey: s.Owner.Key.Bytes()},
		Delegate:    &accountpb.RoleKey{Generation: s.Delegate.Generation, PublicKey: s.Delegate.Key.Bytes()},
		Contributor: &accountpb.RoleKey{Generation: s.Contributor.Generation, PublicKey: s.Contributor.Key.Bytes()},
		Observer:    &accountpb.RoleKey{Generation: s.Observer.Generation, PublicKey: s.Observer.Key.Bytes()},
	}
	if s.Number > 0 {
		m.Previous = s.Previous[:]
	}
	return canonical.Encode(m)
}

// ParseStatement returns what a statement says, once it is signed by its own
// owners' or delegates' key. Whether it continues the statement before is for
// Check and CheckStatement to say.
//
// A false encoding is a fault with code bad_request, a false name one with
// bad_name, and a false signature one with not_authorized.
func ParseStatement(signed account.Signed) (Statement, error) {
	if len(signed.Statement) > MaxStatement {
		return Statement{}, fault.New(fault.TooLarge, "a group's statement has %d bytes; at most %d are allowed", len(signed.Statement), MaxStatement)
	}
	m := new(accountpb.GroupStatement)
	if err := canonical.Decode(signed.Statement, m); err != nil {
		return Statement{}, fault.New(fault.BadRequest, "decoding a group's statement: %w", err)
	}
	if err := CheckName(m.Name); err != nil {
		return Statement{}, err
	}
	s, err := statementOf(m)
	if err != nil {
		return Statement{}, fault.New(fault.CodeOf(err), "the statement of group %s: %w", m.Name, err)
	}
	if signed.Verify(keys.ForGroup, s.Owner.Key) == nil {
		return s, nil
	}
	if err := signed.Verify(keys.ForGroup, s.Delegate.Key); err != nil {
		return Statement{}, fault.New(fault.NotAuthorized, "the statement of group %s is signed neither by its owners nor by its delegates", s.Name)
	}
	return s, nil
}

func statementOf(m *accountpb.GroupStatement) (Statement, error) {
	s := Statement{Name: m.Name, Number: m.Number}
	var err error
	if s.Previous, err = canonical.Previous(m.Number, m.Previous); err != nil {
		return Statement{}, err
	}
	if s.Created, err = canonical.Time(m.Created); err != nil {
		return Statement{}, err
	}
	if len(m.Roster) != len(event.Hash{}) {
		return Statement{}, fault.New(fault.BadRequest, "it names its roster with %d bytes; %d are needed", len(m.Roster), len(event.Hash{}))
	}
	s.Roster = event.Hash(m.Roster)
	for _, r := range []struct {
		role Role
		from *accountpb.RoleKey
		to   *SigningRole
	}{{Owner, m.Owner, &s.Owner}, {Delegate, m.Delegate, &s.Delegate}, {Contributor, m.Contributor, &s.Contributor}} {
		r.to.Generation = r.from.GetGeneration()
		if r.to.Key, err = keys.ParsePublicKey(r.from.GetPublicKey()); err != nil {
			return Statement{}, fault.New(fault.CodeOf(err), "the %ss' key: %w", r.role, err)
		}
	}
	s.Observer.Generation = m.Observer.GetGeneration()
	if s.Observer.Key, err = keys.ParseReadPublicKey(m.Observer.GetPublicKey()); err != nil {
		return Statement{}, fault.New(fault.CodeOf(err), "the observers' key: %w", err)
	}
	return s, s.checkGenerations()
}

func (s Statement) checkGenerations() error {
	for _, r := range Roles() {
		if generation := s.Generation(r); generation == 0 || s.Number == 0 && generation != 1 {
			return fault.New(fault.BadRequest, "the %ss' key has generation %d; the first is 1", r, generation)
		}
	}
	return nil
}
