package authserver

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
)

// groupTries is how often a group is asked for that changes meanwhile.
const groupTries = 3

// CreateGroup makes a group, whose owner is the user.
func (s *Session) CreateGroup(ctx context.Context, name string) (*group.Membership, error) {
	if len(s.readers) == 0 {
		return nil, s.noReader()
	}
	signed, roster, err := group.Create(name, s.user, s.readers[len(s.readers)-1].Public(), time.Now())
	if err != nil {
		return nil, err
	}
	return s.putGroup(ctx, name, signed, roster)
}

// Group returns a group that the user is in, with the keys of his role. A group
// that he is not in is a not_found fault.
func (s *Session) Group(ctx context.Context, name string) (*group.Membership, error) {
	if len(s.readers) == 0 {
		return nil, s.noReader()
	}
	for range groupTries {
		m, roster, err := s.getGroup(ctx, name)
		if err != nil {
			return nil, err
		}
		_, newest, err := s.lookGroup(ctx, name)
		if err != nil {
			return nil, err
		}
		if newest.Hash() == m.Hash() {
			return group.Open(m, roster, s.user, s.readers...)
		}
	}
	return nil, fault.New(fault.VersionConflict, "the group %s at %s is another one than in the server's log: it changes fast, or the server lies; try again", name, s.url.Host)
}

func (s *Session) getGroup(ctx context.Context, name string) (account.Signed, []byte, error) {
	reply, err := s.ask(ctx, &authserverpb.Request{Ask: &authserverpb.Request_GetGroup{GetGroup: &authserverpb.GetGroup{Name: name}}})
	if err != nil {
		return account.Signed{}, nil, err
	}
	m, err := expect(reply.GetGroup())
	if err != nil {
		return account.Signed{}, nil, err
	}
	signed, err := account.SignedOf(m.Statement)
	if err == nil && len(m.Roster) == 0 {
		err = fault.New(fault.NotFound, "%s is no member of group %s", s.user, name)
	}
	return signed, m.Roster, err
}

// AddMember gives a role in a group to a user, or another one than he has. If he
// has taken new keys since he was added, it gives him the group's keys again.
func (s *Session) AddMember(ctx context.Context, name string, user account.Name, role group.Role) (*group.Membership, error) {
	m, err := s.Group(ctx, name)
	if err != nil {
		return nil, err
	}
	advert, err := s.LookUser(ctx, user)
	if err != nil {
		return nil, err
	}
	signed, roster, err := m.Add(user, advert.Read, role, time.Now())
	if err != nil {
		return nil, err
	}
	return s.putGroup(ctx, name, signed, roster)
}

// RemoveMember takes a user out of a group. What he could open stays open to him;
// the group's keys that he had are replaced.
func (s *Session) RemoveMember(ctx context.Context, name string, user account.Name) (*group.Membership, error) {
	m, err := s.Group(ctx, name)
	if err != nil {
		return nil, err
	}
	signed, roster, err := m.Remove(user, time.Now())
	if err != nil {
		return nil, err
	}
	return s.putGroup(ctx, name, signed, roster)
}

// putGroup has the server keep a group, and returns it.
func (s *Session) putGroup(ctx context.Context, name string, signed account.Signed, roster []byte) (*group.Membership, error) {
	err := s.do(ctx, &authserverpb.Request{Ask: &authserverpb.Request_PutGroup{PutGroup: &authserverpb.PutGroup{
		Statement: signed.Proto(), Roster: roster,
	}}})
	if err != nil {
		return nil, err
	}
	// It is remembered once it stands in the log.
	if _, _, err := s.lookGroup(ctx, name); err != nil {
		return nil, err
	}
	return group.Open(signed, roster, s.user, s.readers...)
}

func (s *Session) noReader() error {
	return fault.New(fault.NoReadKey, "the keys of a group are sealed to a read key of %s, and a token alone has none; log in", s.user)
}
