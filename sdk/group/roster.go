package group

import (
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/internal/canonical"
	"github.com/atedb/atedb/sdk/internal/sealed"
	"github.com/atedb/atedb/sdk/keys"
)

// Roster is who is in a group, and the secret keys of its roles, sealed. The
// server shows it to members only.
type Roster struct {
	Group   string
	Members []Member // in order of user

	secrets [Observer + 1]secrets // by role
}

// Member is somebody in a group.
type Member struct {
	User account.Name
	Role Role
	Read keys.ReadPublicKey
	Keys []byte // the role's newest seed, sealed to Read
}

// secrets is what who has a role's newest key can open besides; see the package
// comment.
type secrets struct{ older, below []byte }

// Find returns the member that is this user, if there is one.
func (r Roster) Find(user account.Name) (Member, bool) {
	i, found := r.search(user)
	if !found {
		return Member{}, false
	}
	return r.Members[i], true
}

func (r Roster) search(user account.Name) (int, bool) {
	return slices.BinarySearchFunc(r.Members, user, func(m Member, user account.Name) int {
		return strings.Compare(string(m.User), string(user))
	})
}

func (r Roster) encode() []byte {
	m := &accountpb.Roster{
		Group: r.Group,
		Owner: r.secrets[Owner].proto(), Delegate: r.secrets[Delegate].proto(),
		Contributor: r.secrets[Contributor].proto(), Observer: r.secrets[Observer].proto(),
	}
	for _, member := range r.Members {
		m.Members = append(m.Members, &accountpb.Member{
			User: string(member.User), Role: member.Role.Proto(), ReadKey: member.Read.Bytes(), Keys: member.Keys,
		})
	}
	return canonical.Encode(m)
}

func (s secrets) proto() *accountpb.RoleSecrets {
	return &accountpb.RoleSecrets{Older: s.older, Below: s.below}
}

// ParseRoster parses an encoded roster, and keeps a copy. It checks nothing that
// is sealed. Its errors are faults with code bad_request, bad_name or too_large.
func ParseRoster(encoded []byte) (Roster, error) {
	if len(encoded) > MaxRoster {
		return Roster{}, fault.New(fault.TooLarge, "a group's roster has %d bytes; at most %d are allowed", len(encoded), MaxRoster)
	}
	const otherFields = 1 + 4 // the group's name and what each role can open
	if err := canonical.CheckFields(encoded, MaxMembers+otherFields); err != nil {
		return Roster{}, fault.New(fault.BadRequest, "decoding a group's roster: %w", err)
	}
	m := new(accountpb.Roster)
	if err := canonical.Decode(encoded, m); err != nil {
		return Roster{}, fault.New(fault.BadRequest, "decoding a group's roster: %w", err)
	}
	if err := CheckName(m.Group); err != nil {
		return Roster{}, err
	}
	r, err := rosterOf(m)
	if err != nil {
		return Roster{}, fault.New(fault.CodeOf(err), "the roster of group %s: %w", m.Group, err)
	}
	return r, nil
}

func rosterOf(m *accountpb.Roster) (Roster, error) {
	if len(m.Members) == 0 || len(m.Members) > MaxMembers {
		return Roster{}, fault.New(fault.BadRequest, "it has %d members; 1 to %d are allowed", len(m.Members), MaxMembers)
	}
	r := Roster{Group: m.Group, Members: make([]Member, len(m.Members))}
	owners := 0
	for i, member := range m.Members {
		parsed, err := memberOf(member)
		if err != nil {
			return Roster{}, err
		}
		if i > 0 && r.Members[i-1].User >= parsed.User {
			return Roster{}, fault.New(fault.BadRequest, "its members are not in order of their names, each once")
		}
		if parsed.Role == Owner {
			owners++
		}
		r.Members[i] = parsed
	}
	if owners == 0 {
		return Roster{}, fault.New(fault.BadRequest, "it has no owner; there must be one at least")
	}
	for role, from := range map[Role]*accountpb.RoleSecrets{Owner: m.Owner, Delegate: m.Delegate, Contributor: m.Contributor, Observer: m.Observer} {
		s := secrets{older: from.GetOlder(), below: from.GetBelow()}
		if err := s.check(role, from != nil); err != nil {
			return Roster{}, err
		}
		r.secrets[role] = s
	}
	return r, nil
}

func memberOf(m *accountpb.Member) (Member, error) {
	user, err := account.ParseName(m.GetUser())
	if err != nil {
		return Member{}, err
	}
	role, err := RoleOf(m.GetRole())
	if err != nil {
		return Member{}, err
	}
	read, err := keys.ParseReadPublicKey(m.GetReadKey())
	if err != nil {
		return Member{}, fault.New(fault.CodeOf(err), "member %s: %w", user, err)
	}
	if size := len(m.GetKeys()); size <= encapsulatedSize+hpkeTagSize || size > maxKeys {
		return Member{}, fault.New(fault.BadRequest, "member %s has sealed keys of %d bytes; %d to %d are allowed", user, size, encapsulatedSize+hpkeTagSize+1, maxKeys)
	}
	return Member{User: user, Role: role, Read: read, Keys: m.GetKeys()}, nil
}

func (s secrets) check(r Role, there bool) error {
	switch {
	case !there:
		return fault.New(fault.BadRequest, "it does not say what %ss can open", r)
	case len(s.older) != 0 && len(s.older) < sealed.Overhead || len(s.older) > maxKeychain:
		return fault.New(fault.BadRequest, "the %ss' older keys have %d bytes; none, or %d to %d, are allowed", r, len(s.older), sealed.Overhead, maxKeychain)
	case r == Observer && len(s.below) != 0:
		return fault.New(fault.BadRequest, "observers have a key of a role below them, and there is none")
	case r != Observer && (len(s.below) < sealed.Overhead || len(s.below) > sealed.Overhead+maxSeed):
		return fault.New(fault.BadRequest, "the key below the %ss has %d bytes; %d to %d are allowed", r, len(s.below), sealed.Overhead, sealed.Overhead+maxSeed)
	}
	return nil
}

// rosterHash is what a statement names its roster by.
func rosterHash(encoded []byte) event.Hash { return sha256.Sum256(encoded) }
