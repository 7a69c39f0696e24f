package authserver

import (
	"context"
	"strings"

	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/group"
)

// look answers who asks about a user or a group what everybody may know.
func (c *caller) look(ctx context.Context, m *pb.Look) (*pb.Found, error) {
	if strings.Contains(m.Name, "@") {
		if _, err := account.ParseName(m.Name); err != nil {
			return nil, err
		}
		return c.store.FindUser(ctx, m)
	}
	if err := group.CheckName(m.Name); err != nil {
		return nil, err
	}
	return c.store.FindGroup(ctx, m)
}
