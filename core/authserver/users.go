package authserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"sync"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/core/authserver/throttle"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
)

// createUser registers a user. The same request again is done again.
func (c *caller) createUser(ctx context.Context, m *pb.CreateUser) error {
	signed, advert, vault, err := parseNewUser(m)
	if err != nil {
		return err
	}
	if err := c.mayRegister(advert.Name, m.Invite); err != nil {
		return err
	}
	counted := false
	created := &accounts.User{Advert: signed.Encode(), Vault: vault.Encode(), Created: c.now()}
	return c.store.Update(ctx, func(t *accounts.Tx) error {
		old, err := t.User(string(advert.Name))
		switch {
		case err != nil:
			return err
		case old != nil && bytes.Equal(old.Advert, created.Advert) && bytes.Equal(old.Vault, created.Vault):
			return nil
		case old != nil:
			return fault.New(fault.VersionConflict, "the name %s is taken; choose another", advert.Name)
		}
		if !c.policy.ByInvite && !counted {
			counted = true
			if wait := c.registrations.Take(throttle.NetworkOf(c.from).String(), c.now()); wait > 0 {
				return c.tooMany("new users from this address", advert.Name, c.from, wait)
			}
		}
		t.PutAdvert(string(advert.Name), created, nil)
		t.PutVault(string(advert.Name), created)
		return nil
	})
}

func parseNewUser(m *pb.CreateUser) (signed account.Signed, advert account.Advert, vault account.Vault, err error) {
	if signed, err = account.SignedOf(m.Advert); err != nil {
		return
	}
	if advert, err = account.CheckAdvert(nil, signed); err != nil {
		return
	}
	if vault, err = account.VaultOf(m.Vault); err != nil {
		return
	}
	switch {
	case vault.Name() != advert.Name:
		err = fault.New(fault.BadRequest, "the vault is of %s and the advert of %s", vault.Name(), advert.Name)
	case len(vault.TOTP()) > 0:
		err = fault.New(fault.BadRequest, "the vault of %s, who is new, has a secret of time-based codes; register, log in and set it then", advert.Name)
	}
	return
}

// mayRegister returns why nobody, or not who has this invite, may register a
// name.
func (c *caller) mayRegister(name account.Name, code string) error {
	if domains := c.policy.Domains; len(domains) > 0 && !slices.Contains(domains, name.Domain()) {
		return fault.New(fault.Denied, "this server registers no users of the domain %s", name.Domain())
	}
	if !c.policy.ByInvite {
		return nil
	}
	if code == "" {
		return fault.New(fault.Denied, "this server registers only who was invited; ask its operator for an invite")
	}
	return c.inviter.Check(code, string(name), c.now())
}

// putUser changes the user who logged in: his vault and, if his keys change, his
// advert. The same request again is done again.
func (c *caller) putUser(ctx context.Context, m *pb.PutUser) error {
	vault, err := account.VaultOf(m.Vault)
	if err != nil {
		return err
	}
	count := sync.OnceValue(c.countChange)
	err = c.store.Update(ctx, func(t *accounts.Tx) error {
		u, err := c.loggedIn(t)
		if err != nil {
			return err
		}
		if vault.Name() != u.name {
			return fault.New(fault.NotAuthorized, "the vault is of %s, and this connection is that of %s", vault.Name(), u.name)
		}
		advert, err := u.follow(m.Advert)
		if err != nil {
			return err
		}
		encoded := vault.Encode()
		if advert == nil && bytes.Equal(encoded, u.Vault) {
			return nil
		}
		if sha256.Sum256(u.Vault) != c.as.vault {
			return errOtherVault(u.name)
		}
		if err := u.checkTOTP(vault, c.as.kind); err != nil {
			return err
		}
		if advert != nil {
			if err := count(); err != nil {
				return err
			}
			before := &accounts.Earlier{Number: u.advert.Number, Encoded: u.User.Advert}
			u.User.Advert = advert.Encode()
			t.PutAdvert(string(u.name), u.User, before)
		}
		if u.User.Vault = encoded; len(vault.TOTP()) == 0 {
			u.TOTPStep = 0
		}
		t.PutVault(string(u.name), u.User)
		return nil
	})
	if err == nil {
		c.as.knows(vault)
	}
	return err
}

// countChange counts a change that leaves a statement to be kept for ever.
func (c *caller) countChange() error {
	if wait := c.changes.Take(string(c.as.user), c.now()); wait > 0 {
		return c.tooMany("changes of keys and groups", c.as.user, c.from, wait)
	}
	return nil
}

// errOtherVault refuses to change a vault in ignorance of what it has become,
// which would lose the keys that are new in it.
func errOtherVault(name account.Name) error {
	return fault.New(fault.VersionConflict, "the account of %s was changed by another connection since this one logged in; log in again", name)
}

// follow checks that an advert is the user's next one. It returns nil if it is
// missing, or the newest already.
func (u *user) follow(m *accountpb.Signed) (*account.Signed, error) {
	if m == nil {
		return nil, nil
	}
	next, err := account.SignedOf(m)
	if err != nil {
		return nil, err
	}
	if next.Hash() == u.signed.Hash() {
		return nil, nil
	}
	if _, err := account.CheckAdvert(&u.signed, next); err != nil {
		return nil, err
	}
	return &next, nil
}

// checkTOTP refuses a vault by which the user would need time-based codes, or
// none, without the code that this takes. A new passphrase has their secret
// sealed anew; after a login with the recovery code, which cannot open it, it
// ends them.
func (u *user) checkTOTP(next account.Vault, loggedInWith account.Kind) error {
	before, _ := u.vault.Lock(account.Passphrase)
	after, _ := next.Lock(account.Passphrase)
	had, has := u.vault.TOTP(), next.TOTP()
	switch samePassphrase := before.LoginKey.ID() == after.LoginKey.ID(); {
	case samePassphrase && !bytes.Equal(had, has):
		return fault.New(fault.VersionConflict, "the vault has another secret of time-based codes than before; it is changed by a request of its own")
	case samePassphrase:
		return nil
	case loggedInWith == account.Recovery && len(has) > 0:
		return fault.New(fault.BadRequest, "a new passphrase after a login with the recovery code ends the time-based codes, and the vault has a secret of theirs")
	case loggedInWith == account.Passphrase && (len(had) > 0) != (len(has) > 0):
		return fault.New(fault.VersionConflict, "with the new passphrase, the vault must have a secret of time-based codes if it had one before, and none otherwise")
	}
	return nil
}

// getUser tells users what only they may know of themselves.
func (c *caller) getUser(ctx context.Context) (*pb.User, error) {
	var answer *pb.User
	err := c.store.Look(ctx, func(t *accounts.Tx) error {
		u, err := c.acting(t)
		if err != nil {
			return err
		}
		membership, err := t.Membership(string(u.name))
		if err != nil {
			return err
		}
		answer = &pb.User{
			Name: string(u.name), Advert: u.signed.Proto(), Totp: len(u.vault.TOTP()) > 0,
			Created: u.Created.UnixMilli(), Groups: membership.Groups,
		}
		return nil
	})
	return answer, err
}
