package main

import (
	"context"

	"github.com/atedb/atedb/cmd/ate/internal/loginfile"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/group"
	"github.com/atedb/atedb/sdk/keys"
)

// groupActor is who logged in as a member of a group: he signs with the key of his
// role, and counts as who has the roles below and their older keys too; and he
// reads with the observers' keys and his own.
func (set *settings) groupActor(ctx context.Context, login *loginfile.Login, name string) (actor, bool, error) {
	user := login.Token.Delegation.User
	member, err := set.membership(ctx, login, name)
	if fault.Is(err, fault.NotFound) {
		return actor{}, false, nil
	}
	if err != nil {
		return actor{}, false, explain(err, "asking with the login of %s for the keys of group %s (--key writes with a key instead)", user, name)
	}
	who := actor{me: &keys.PublicIdentity{Name: user.String(), Read: login.Readers[len(login.Readers)-1].Public()}, readers: login.Readers}
	if signers := roleSigners(member); len(signers) > 0 {
		who.signer, who.others = signers[0], signers[1:min(len(signers), 1+client.MaxOtherSigners)]
		who.me.Signing = who.signer.Public()
	}
	for _, key := range member.Keys(group.Observer) {
		who.readers = append(who.readers, key.Read)
	}
	return who, true, nil
}

// roleSigners returns the signing keys that a member holds: the newest of each
// role from his own down, then those before.
func roleSigners(m *group.Membership) (signers []*keys.SigningKey) {
	var before []*keys.SigningKey
	for _, role := range []group.Role{group.Owner, group.Delegate, group.Contributor} {
		for i, key := range m.Keys(role) {
			if i == 0 {
				signers = append(signers, key.Signing)
			} else {
				before = append(before, key.Signing)
			}
		}
	}
	return append(signers, before...)
}

// membership returns what who logged in holds of a group.
func (set *settings) membership(ctx context.Context, login *loginfile.Login, name string) (*group.Membership, error) {
	var member *group.Membership
	err := set.withServer(ctx, login.Token.Server, func(ctx context.Context, c *authserver.Client) error {
		s, err := c.Present(ctx, login.Token, login.Readers...)
		if err == nil {
			member, err = s.Group(ctx, name)
		}
		return err
	})
	return member, err
}
