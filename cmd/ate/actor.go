package main

import (
	"context"
	"os"

	"github.com/atedb/atedb/cmd/ate/internal/loginfile"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/token"
)

// tokenVariable is the environment variable that may have a token's text.
const tokenVariable = "ATE_TOKEN"

// actor is who a command acts as on a chain. The zero value is nobody.
type actor struct {
	signer     *keys.SigningKey
	others     []*keys.SigningKey // that count as well, where trust is centralized
	delegation []byte             // if the signer is a token's
	readers    []*keys.ReadKey
	me         *keys.PublicIdentity // whom "me" means; a part of it may be missing
}

// checkActor refuses flags that name more than one to act as. An SSH key may come
// with a key that reads.
func (set *settings) checkActor() error {
	given := ""
	if set.sshKey != "" {
		given = "--ssh-key"
	}
	for _, flag := range []struct{ name, value string }{{"--key", set.key}, {"--token", set.token}, {"--token-path", set.tokenPath}} {
		switch {
		case flag.value == "", flag.name == "--key" && given == "--ssh-key":
		case given != "":
			return usage("%s and %s both say whom to act as; give one of them", given, flag.name)
		default:
			given = flag.name
		}
	}
	return nil
}

// actor returns who the command acts as: see the help of the root command.
func (set *settings) actor(ctx context.Context, chain chainname.Name) (actor, error) {
	if set.sshKey != "" {
		return set.sshActor(ctx)
	}
	if set.key != "" {
		return keyActor(ctx, set.key)
	}
	given, err := set.givenToken()
	if err != nil {
		return actor{}, err
	}
	if given != nil {
		return tokenActor(given)
	}
	login, err := readLogin()
	if err != nil {
		return actor{}, err
	}
	if login != nil {
		who, ours, err := set.loginActor(ctx, login, chain)
		if err != nil || ours {
			return who, err
		}
	}
	return keyActor(ctx, "")
}

// keyActor is the owner of a key, or nobody if there is no default key.
func keyActor(ctx context.Context, name string) (actor, error) {
	id, err := loadIdentity(ctx, name)
	if id == nil || err != nil {
		return actor{}, err
	}
	public := id.Public()
	return actor{signer: id.Signing, readers: []*keys.ReadKey{id.Read}, me: &public}, nil
}

// sshActor is the owner of an SSH key, who reads with what the key that is named
// too reads.
func (set *settings) sshActor(ctx context.Context) (actor, error) {
	var who actor
	var err error
	if set.key != "" {
		if who, err = keyActor(ctx, set.key); err != nil {
			return actor{}, err
		}
	}
	if who.signer, err = loadSSHKey(ctx, set.sshKey); err != nil {
		return actor{}, err
	}
	me := keys.PublicIdentity{Signing: who.signer.Public()}
	if who.me != nil {
		me.Read = who.me.Read
	}
	who.me = &me
	return who, nil
}

// givenToken returns the token that the flags or the environment give, nil for
// none.
func (set *settings) givenToken() (*token.Token, error) {
	switch {
	case set.tokenPath != "":
		return token.ReadFile(set.tokenPath)
	case set.token != "":
		return token.Parse(set.token)
	case os.Getenv(tokenVariable) != "":
		t, err := token.Parse(os.Getenv(tokenVariable))
		if err != nil {
			return nil, explain(err, "%s", tokenVariable)
		}
		return t, nil
	}
	return nil, nil
}

// tokenActor is the user of a token. "Me" writes with the user's own key; the
// token does not know what the user reads with.
func tokenActor(t *token.Token) (actor, error) {
	if err := t.Delegation.Check(now()); err != nil {
		return actor{}, err
	}
	return actor{
		signer: t.Signing, delegation: t.Signed.Encode(), readers: []*keys.ReadKey{t.Read},
		me: &keys.PublicIdentity{Name: t.Delegation.User.String(), Signing: t.Delegation.Issuer},
	}, nil
}

// readLogin returns the login that ate login left, nil if there is none.
func readLogin() (*loginfile.Login, error) {
	folder, err := loginfile.DefaultFolder()
	if err != nil {
		return nil, err
	}
	return folder.Read()
}

// loginActor is who logged in, on a chain of his own or of a group that he is in.
// It returns false for other chains.
func (set *settings) loginActor(ctx context.Context, login *loginfile.Login, chain chainname.Name) (actor, bool, error) {
	d := login.Token.Delegation
	switch {
	case chain.IsGroup():
		return set.groupActor(ctx, login, chain.Owner())
	case !d.Covers(chain):
		return actor{}, false, nil
	}
	who, err := tokenActor(login.Token)
	if err != nil {
		return actor{}, false, explain(err, "the login of %s", d.User)
	}
	who.readers = login.Readers
	who.me.Read = login.Readers[len(login.Readers)-1].Public()
	return who, true, nil
}
