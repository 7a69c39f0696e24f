package authserver

import (
	"context"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/core/authserver/throttle"
	"github.com/atedb/atedb/core/authserver/totp"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
)

// getStretch begins a login. For a user who does not exist, or who has no such
// lock, it does and answers the same as for one at the default cost. That a login
// does not tell who exists keeps guesses slow and the log quiet; it is no secret,
// since everybody may look.
func (c *caller) getStretch(ctx context.Context, m *pb.GetStretch) (*accountpb.Stretch, error) {
	name, kind, err := parseWho(m.Name, m.Kind)
	if err != nil {
		return nil, err
	}
	stretch := account.Stretch{Salt: c.salt(kind, name), Cost: account.DefaultCost}
	lock, _, known, err := c.findLock(ctx, name, kind)
	if known {
		stretch = lock.Stretch
	}
	return stretch.Proto(), err
}

func parseWho(name string, kind accountpb.Lock_Kind) (account.Name, account.Kind, error) {
	parsed, err := account.ParseName(name)
	if err != nil {
		return "", 0, err
	}
	k, err := account.KindOf(kind)
	return parsed, k, err
}

// findLock returns a user's lock of a kind and whether there is one. If not, the
// lock is another one, so that looking at it takes the same time: the decoy's or,
// if the user has none of the kind, that of his passphrase.
func (c *caller) findLock(ctx context.Context, name account.Name, kind account.Kind) (lock account.Lock, u *accounts.User, known bool, err error) {
	err = c.store.Look(ctx, func(t *accounts.Tx) error {
		if u, known, err = t.UserOrDecoy(string(name)); err != nil {
			return err
		}
		vault, err := account.ParseVault(u.Vault)
		if err != nil {
			return damaged(name, err)
		}
		var ok bool
		if lock, ok = vault.Lock(kind); !ok {
			known = false
			lock, _ = vault.Lock(account.Passphrase)
		}
		return nil
	})
	return lock, u, known, err
}

// login logs the caller in. Whatever it answers, he is nobody before.
func (c *caller) login(ctx context.Context, m *pb.Login) (*pb.LoggedIn, error) {
	c.as = standing{}
	defer clear(m.TotpKey)
	name, kind, err := parseWho(m.Name, m.Kind)
	if err != nil {
		return nil, err
	}
	attempt, wait := c.logins.Begin(string(name), c.from, kind == account.Passphrase, c.now())
	if wait > 0 {
		return nil, c.tooMany("failed logins", name, c.from, wait)
	}
	defer attempt.End()
	lock, stored, known, err := c.findLock(ctx, name, kind)
	if err != nil {
		attempt.Withdraw()
		return nil, err
	}
	refused := account.VerifyLogin(lock, name, c.binding[:], c.self.Public().Fingerprint(), m.Signature)
	if refused != nil || !known {
		return nil, c.loginRefused(name, kind.String())
	}
	return c.admit(ctx, m, name, lock, stored, attempt)
}

// loginRefused counts a failure and tells the log what was false, and the client
// no more than that the login failed.
func (c *caller) loginRefused(name account.Name, with string) error {
	c.failures++
	c.log.Info("login refused", "from", c.from, "name", name, "with", with)
	return account.LoginRefused()
}

// admit goes on with a login whose signature is good.
func (c *caller) admit(ctx context.Context, m *pb.Login, name account.Name, lock account.Lock, stored *accounts.User, attempt *throttle.Attempt) (*pb.LoggedIn, error) {
	vault, err := account.ParseVault(stored.Vault)
	if err != nil {
		return nil, damaged(name, err)
	}
	signed, err := account.ParseSigned(stored.Advert)
	if err != nil {
		return nil, damaged(name, err)
	}
	if lock.Kind == account.Passphrase && len(vault.TOTP()) > 0 {
		if len(m.TotpKey) == 0 || m.TotpCode == "" {
			attempt.Withdraw()
			return &pb.LoggedIn{TotpNeeded: true}, nil
		}
		if wait := attempt.Code(c.now()); wait > 0 {
			return nil, c.tooMany("false time-based codes", name, c.from, wait)
		}
		if err := c.useCode(ctx, name, lock, m); fault.Is(err, fault.LoginFailed) {
			return nil, c.loginRefused(name, "time-based code") // who knows the passphrase
		} else if err != nil {
			attempt.Withdraw()
			return nil, err
		}
	}
	attempt.Succeed(c.now())
	c.as = standing{user: name, kind: lock.Kind}
	c.as.knows(vault)
	return &pb.LoggedIn{Vault: vault.Proto(), Advert: signed.Proto()}, nil
}

// useCode checks a time-based code and notes, durably, that it was used.
func (c *caller) useCode(ctx context.Context, name account.Name, lock account.Lock, m *pb.Login) error {
	return c.store.Update(ctx, func(t *accounts.Tx) error {
		u, err := loadUser(t, name)
		if err != nil {
			return err
		}
		if now, ok := u.vault.Lock(lock.Kind); !ok || now.LoginKey.ID() != lock.LoginKey.ID() {
			return account.LoginRefused() // changed a moment ago
		}
		secret, err := account.OpenTOTP(m.TotpKey, u.vault.TOTP(), name)
		if err != nil {
			return account.LoginRefused()
		}
		defer clear(secret)
		if u.TOTPStep, err = totp.Check(secret, m.TotpCode, u.TOTPStep, c.now()); err != nil {
			return err
		}
		t.PutVault(string(name), u.User)
		return nil
	})
}
