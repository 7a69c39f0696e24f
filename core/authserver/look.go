package authserver

import (
	"context"
	"strings"

	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// look answers who asks about a user or a group what everybody may know.
func (c *caller) look(ctx context.Context, m *pb.Look) (*pb.Found, error) {
	if strings.Contains(m.Name, "@") {
		name, err := account.ParseName(m.Name)
		if err != nil {
			return nil, err
		}
		return c.store.FindUser(ctx, string(name), m.KnownSize)
	}
	if err := checkGroupName(m.Name); err != nil {
		return nil, err
	}
	return c.store.FindGroup(ctx, m.Name, m.KnownSize)
}

// checkGroupName returns what is wrong with a group's name.
func checkGroupName(name string) error {
	chain, err := chainname.Parse(name + "/x")
	if err != nil || chain.Owner() != name {
		return fault.New(fault.BadName, "%.100q is neither a user's name, such as joe@example.com, nor a group's, which has small letters, digits and, inside, - _", name)
	}
	return nil
}
