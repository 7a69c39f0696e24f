package authserver

import (
	"bytes"
	"context"
	"crypto/sha256"

	"github.com/atedb/atedb/core/authserver/accounts"
	"github.com/atedb/atedb/core/authserver/totp"
	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
)

// setTOTP has the user who logged in need time-based codes from now on, or not.
// Either takes a code, which is used by it. The same request again is done again.
func (c *caller) setTOTP(ctx context.Context, m *pb.SetTotp) error {
	defer clear(m.TotpKey)
	defer clear(m.Secret)
	if len(m.Secret) != 0 && len(m.Secret) != totp.SecretSize || len(m.TotpKey) != account.TOTPKeySize && len(m.Secret) > 0 {
		return fault.New(fault.BadRequest, "the secret of time-based codes has %d bytes and its key %d; %d, or none to end them, and %d are needed", len(m.Secret), len(m.TotpKey), totp.SecretSize, account.TOTPKeySize)
	}
	if c.as.user == "" || c.as.kind != account.Passphrase {
		return fault.New(fault.NeedsLogin, "time-based codes are set on a connection that logged in with the passphrase")
	}
	attempt, wait := c.logins.Begin(string(c.as.user), c.from, true, c.now())
	if wait == 0 {
		defer attempt.End()
		if wait = attempt.Code(c.now()); wait > 0 {
			attempt.Withdraw()
		}
	}
	if wait > 0 {
		return c.tooMany("false time-based codes", c.as.user, c.from, wait)
	}
	var vault account.Vault
	err := c.store.Update(ctx, func(t *accounts.Tx) error {
		u, err := c.loggedIn(t)
		if err != nil {
			return err
		}
		if sha256.Sum256(u.Vault) != c.as.vault {
			return errOtherVault(u.name)
		}
		changed := false
		if len(m.Secret) > 0 {
			changed, err = u.startTOTP(m, c)
		} else {
			changed, err = u.endTOTP(m, c)
		}
		if vault = u.vault; err == nil && changed {
			u.User.Vault = vault.Encode()
			t.PutVault(string(u.name), u.User)
		}
		return err
	})
	if fault.Is(err, fault.LoginFailed) {
		c.failures++
		c.log.Info("time-based code refused", "from", c.from, "name", c.as.user)
		return err
	}
	attempt.Withdraw()
	if err == nil {
		c.as.knows(vault)
	}
	return err
}

// startTOTP seals a new secret into the vault. It reports whether it was not
// there yet.
func (u *user) startTOTP(m *pb.SetTotp, c *caller) (changed bool, err error) {
	if sealed := u.vault.TOTP(); len(sealed) > 0 {
		secret, err := account.OpenTOTP(m.TotpKey, sealed, u.name)
		if err == nil && bytes.Equal(secret, m.Secret) {
			return false, nil
		}
		return false, fault.New(fault.BadRequest, "%s needs time-based codes already; end that with a present code, then begin anew", u.name)
	}
	if u.TOTPStep, err = totp.Check(m.Secret, m.Code, 0, c.now()); err != nil {
		return false, err
	}
	sealed, err := account.SealTOTP(m.TotpKey, m.Secret, u.name)
	u.vault = u.vault.WithTOTP(sealed)
	return true, err
}

// endTOTP takes the secret out of the vault. It reports whether there was one.
func (u *user) endTOTP(m *pb.SetTotp, c *caller) (changed bool, err error) {
	if len(u.vault.TOTP()) == 0 {
		return false, nil
	}
	secret, err := account.OpenTOTP(m.TotpKey, u.vault.TOTP(), u.name)
	if err != nil {
		return false, fault.New(fault.LoginFailed, "the key does not open the secret of the time-based codes; it is not that of the present passphrase")
	}
	defer clear(secret)
	if _, err = totp.Check(secret, m.Code, u.TOTPStep, c.now()); err != nil {
		return false, err
	}
	u.vault, u.TOTPStep = u.vault.WithTOTP(nil), 0
	return true, nil
}
