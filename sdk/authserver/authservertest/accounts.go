package authservertest

import (
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/token"
)

// noDeadline lifts a connection's deadline.
var noDeadline time.Time

// accounts is what a server keeps beside its log.
type accounts struct {
	users  map[string]*user
	groups map[string]*groupOf
}

// user is a user with his tokens.
type user struct {
	name    account.Name
	advert  account.Signed
	signing event.Hash // the id of the advert's signing key
	vault   account.Vault
	created time.Time
	step    int64 // of the last time-based code that was used
	tokens  map[token.ID]*registered
}

type registered struct {
	encoded    []byte
	delegation token.Delegation
	revoked    bool
}

// groupOf is a group.
type groupOf struct {
	statement account.Signed
	roster    []byte
	members   map[account.Name]bool
}

func newAccounts() *accounts {
	return &accounts{users: make(map[string]*user), groups: make(map[string]*groupOf)}
}

// fakeStretch is what a user who does not exist seems to have.
func fakeStretch(name string) *accountpb.Stretch {
	sum := event.KeyID([]byte("fake " + name))
	return account.Stretch{Salt: sum[:account.SaltSize], Cost: account.LeastCost}.Proto()
}

// status says whether a token holds.
func (a *accounts) status(name account.Name, id token.ID, issuer event.Hash) *authserverpb.TokenStatus {
	s := &authserverpb.TokenStatus{TtlSeconds: 30}
	u := a.users[name.String()]
	switch {
	case u == nil || u.tokens[id] == nil:
		s.Refused = "the token is not one that this server knows"
		s.Unknown = u == nil || u.signing != issuer
	case u.tokens[id].revoked:
		s.Refused = "the token was revoked"
	case u.signing != issuer || u.tokens[id].delegation.Issuer.ID() != issuer:
		s.Refused = "the token's user has other keys now"
	case u.tokens[id].delegation.Check(time.Now()) != nil:
		s.Refused = "the token has expired"
	}
	return s
}
