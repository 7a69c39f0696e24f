package accounts

import (
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
)

// Tokens returns a user's registered tokens, none for a user who never had any.
func (t *Tx) Tokens(user string) ([]*authserverpb.TokenInfo, error) {
	data, err := t.get(keyOf(tokens, user))
	if err != nil || data[0] == nil {
		return nil, err
	}
	body, err := unseal(data[0], tokens, 0)
	if err != nil {
		return nil, err
	}
	var list authserverpb.Tokens
	if err := list.UnmarshalVT(body); err != nil {
		return nil, fault.New(fault.Damaged, "the tokens of a user cannot be read: %w", err)
	}
	return list.Tokens, nil
}

// PutTokens puts a user's tokens.
func (t *Tx) PutTokens(user string, list []*authserverpb.TokenInfo) {
	encoded, err := (&authserverpb.Tokens{Tokens: list}).MarshalVT()
	if err != nil {
		t.err = fault.New(fault.Internal, "encoding tokens: %w", err)
		return
	}
	t.put(tokens, user, seal(encoded))
}
