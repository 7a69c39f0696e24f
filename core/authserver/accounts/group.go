package accounts

import (
	"encoding/binary"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

// Group is what is kept of a group.
type Group struct {
	Statement []byte // encoded account.Signed
	Roster    []byte // encoded accountpb.Roster
}

// Group returns a group, nil if there is none of the name.
func (t *Tx) Group(name string) (*Group, error) {
	data, err := t.get(keyOf(statements, name), keyOf(rosters, name))
	if err != nil || data[0] == nil || data[1] == nil {
		return nil, err
	}
	roster, err := unseal(data[1], rosters, 0)
	return &Group{Statement: data[0], Roster: roster}, err
}

// PutGroup puts a group, a new one or the next state of one, whose statement was
// before until now; nil for a new one.
func (t *Tx) PutGroup(name string, g *Group, before *Earlier) {
	t.keep(statements, name, before)
	t.put(statements, name, g.Statement)
	t.put(rosters, name, seal(g.Roster))
}

// Membership is the groups of one user.
type Membership struct {
	Created uint32   // how many groups the user created
	Groups  []string // that the user is in, at most MaxListed
}

// Membership returns the groups of a user, none for a user who was never in any.
func (t *Tx) Membership(user string) (*Membership, error) {
	data, err := t.get(keyOf(memberships, user))
	if err != nil || data[0] == nil {
		return &Membership{}, err
	}
	body, err := unseal(data[0], memberships, 4)
	if err != nil {
		return nil, err
	}
	m := &Membership{Created: binary.LittleEndian.Uint32(body)}
	text := string(body[4:])
	if text != "" && !strings.HasSuffix(text, "\n") {
		return nil, fault.New(fault.Damaged, "the names of a user's groups are cut short: %d bytes", len(text))
	}
	for name := range strings.Lines(text) {
		m.Groups = append(m.Groups, strings.TrimSuffix(name, "\n"))
	}
	return m, nil
}

// PutMembership puts the groups of a user.
func (t *Tx) PutMembership(user string, m *Membership) {
	head := binary.LittleEndian.AppendUint32(nil, m.Created)
	var names strings.Builder
	for _, name := range m.Groups {
		names.WriteString(name + "\n")
	}
	t.put(memberships, user, seal(head, []byte(names.String())))
}
