package account

import (
	"bytes"
	"testing"

	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

func sameKeys(a, b *keys.Identity) bool {
	return bytes.Equal(a.Signing.Seed(), b.Signing.Seed()) && bytes.Equal(a.Read.Seed(), b.Read.Seed())
}

// The vault in testdata, which a script in Python has opened as the package
// comment says, opens to its passphrase and to its code.
func TestOpenTheVaultInTestdata(t *testing.T) {
	v := golden(t)
	if !bytes.Equal(v.Encode(), goldenBytes()) {
		t.Error("it has another form")
	}
	for _, credential := range []func() (*Credential, error){byPassphrase, byCode} {
		o, err := v.Open(must[*Credential](t)(credential()))
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Keys) != 2 || !sameKeys(o.Keys[0], identityOf(t, 1)) || !sameKeys(o.Newest(), identityOf(t, 3)) || o.Newest().Name != string(joe) {
			t.Error("it holds other keys")
		}
	}
	secret, err := OpenTOTP(must[*Credential](t)(byPassphrase()).TOTPKey(), v.TOTP(), joe)
	if err != nil || string(secret) != goldenSecret {
		t.Errorf("the secret of time-based codes is %q: %v", secret, err)
	}
}

// A new user's vault opens to his passphrase and to the code he was shown, and
// to nothing else.
func TestNewVault(t *testing.T) {
	v, code, err := LeastCost.NewVault(joe, identityOf(t, 1), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	v = must[Vault](t)(ParseVault(v.Encode()))
	lock, _ := v.Lock(Passphrase)
	recovery, _ := v.Lock(Recovery)
	if bytes.Equal(lock.Stretch.Salt, recovery.Stretch.Salt) {
		t.Error("both locks have one salt")
	}
	for what, c := range map[string]*Credential{
		"passphrase": must[*Credential](t)(StretchPassphrase(passphrase, lock.Stretch)),
		"code":       must[*Credential](t)(RecoveryCredential(code, recovery.Stretch)),
	} {
		o, err := v.Open(c)
		if err != nil || len(o.Keys) != 1 || !sameKeys(o.Newest(), identityOf(t, 1)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	secret := must[[]byte](t)(SealTOTP(make([]byte, TOTPKeySize), []byte(goldenSecret), joe))
	with := must[Vault](t)(ParseVault(v.WithTOTP(secret).Encode()))
	if !bytes.Equal(with.TOTP(), secret) || len(v.TOTP()) != 0 || with.Name() != joe || len(with.WithTOTP(nil).TOTP()) != 0 {
		t.Error("the secret of time-based codes does not come and go")
	}
	_, err = v.Open(must[*Credential](t)(StretchPassphrase("correct horse battery stable", lock.Stretch)))
	wantCode(t, "a wrong passphrase", err, fault.BadPassphrase)
	_, _, err = LeastCost.NewVault(joe, identityOf(t, 1), "1234567")
	wantCode(t, "a short passphrase", err, fault.BadRequest)
	_, _, err = NewVault(joe, identityOf(t, 1), "")
	wantCode(t, "no passphrase", err, fault.BadRequest)
}

// Attacks by the server that keeps the vault.
func TestOpenRefusesAttacks(t *testing.T) {
	c := must[*Credential](t)(byPassphrase())
	evil, _, err := LeastCost.NewVault(ann, identityOf(t, 7), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	evilLock, _ := evil.Lock(Passphrase)
	change := func(f func(v *Vault)) Vault {
		v := golden(t)
		f(&v)
		return v
	}
	for _, a := range []struct {
		attack string
		vault  Vault
		code   fault.Code
	}{
		{"vault of another user", evil, fault.BadPassphrase},
		{"vault of another user under this one's name", change(func(v *Vault) { v.keychain, v.locks = evil.keychain, evil.locks }), fault.BadPassphrase},
		{"this one's vault under another name", change(func(v *Vault) { v.name = ann }), fault.Damaged},
		{"keychain of another", change(func(v *Vault) { v.keychain = evil.keychain }), fault.Damaged},
		{"keychain changed", change(func(v *Vault) { v.keychain[30] ^= 1 }), fault.Damaged},
		{"wrapped key changed", change(func(v *Vault) { v.locks[0].Wrapped[30] ^= 1 }), fault.Damaged},
		{"wrapped key of the recovery code's lock", change(func(v *Vault) { v.locks[0].Wrapped = v.locks[1].Wrapped }), fault.Damaged},
		{"login key changed", change(func(v *Vault) { v.locks[0].LoginKey = evilLock.LoginKey }), fault.BadPassphrase},
		{"cost changed", change(func(v *Vault) { v.locks[0].Stretch.Passes++ }), fault.Damaged},
		{"salt changed", change(func(v *Vault) { v.locks[0].Stretch.Salt[0] ^= 1 }), fault.Damaged},
		{"lock taken away", change(func(v *Vault) { v.locks = v.locks[1:] }), fault.BadPassphrase},
		{"the sealed code secret as the keychain", change(func(v *Vault) { v.keychain = v.totp }), fault.Damaged},
		{"of a later version", change(func(v *Vault) { v.keychain[0] = 2 }), fault.Damaged},
		{"no vault", Vault{}, fault.BadPassphrase},
	} {
		_, err := a.vault.Open(c)
		wantCode(t, a.attack, err, a.code)
	}
}

// Who takes new keys keeps the old ones, and both secrets still open the vault.
func TestWithNextKeys(t *testing.T) {
	o := must[*Opened](t)(golden(t).Open(must[*Credential](t)(byPassphrase())))
	next := must[*Opened](t)(o.WithNextKeys(identityOf(t, 5)))
	v := must[Vault](t)(ParseVault(next.Vault().Encode()))
	again := must[*Opened](t)(v.Open(must[*Credential](t)(byCode())))
	if len(again.Keys) != 3 || !sameKeys(again.Newest(), identityOf(t, 5)) || !sameKeys(again.Keys[0], identityOf(t, 1)) {
		t.Error("it holds other keys")
	}
	if len(o.Keys) != 2 || !bytes.Equal(o.Vault().Encode(), goldenBytes()) {
		t.Error("the one before changed")
	}
	first := FirstAdvert(joe, identityOf(t, 3), testTime)
	second := must[Signed](t)(NextAdvert(first, identityOf(t, 3), identityOf(t, 5), testTime))
	a := must[Advert](t)(CheckAdvert(&first, second))
	if err := again.CheckAdvert(a); err != nil {
		t.Error(err)
	}
	wantCode(t, "an old vault with a new advert", o.CheckAdvert(a), fault.Damaged)
	for len(o.Keys) < MaxKeys {
		o.Keys = append(o.Keys, identityOf(t, 1))
	}
	full := must[[]byte](t)(sealKeychain(joe, o.Keys, o.vaultKey()))
	largest := o.vault
	largest.keychain = full
	if _, err := ParseVault(largest.Encode()); err != nil {
		t.Errorf("a vault of %d keys: %v", MaxKeys, err)
	}
	_, err := o.WithNextKeys(identityOf(t, 5))
	wantCode(t, "a key too many", err, fault.TooLarge)
}

// A new passphrase makes the old one and the old code useless, and the vault key
// that they opened. Time-based codes stay on, unless it was a recovery.
func TestWithPassphrase(t *testing.T) {
	for _, c := range []struct {
		credential func() (*Credential, error)
		totp       bool
	}{{byPassphrase, true}, {byCode, false}} {
		o := must[*Opened](t)(golden(t).Open(must[*Credential](t)(c.credential())))
		o.Cost = LeastCost
		v, code, err := o.WithPassphrase("another long passphrase")
		if err != nil {
			t.Fatal(err)
		}
		v = must[Vault](t)(ParseVault(v.Encode()))
		for what, old := range map[string]func() (*Credential, error){"old passphrase": byPassphrase, "old code": byCode} {
			_, err := v.Open(must[*Credential](t)(old()))
			wantCode(t, what, err, fault.BadPassphrase)
		}
		_, err = openKeychain(joe, v.keychain, o.vaultKey())
		if err == nil {
			t.Error("the old vault key opens the new keychain")
		}
		lock, _ := v.Lock(Passphrase)
		next := must[*Credential](t)(StretchPassphrase("another long passphrase", lock.Stretch))
		again := must[*Opened](t)(v.Open(next))
		recovery, _ := v.Lock(Recovery)
		if _, err := v.Open(must[*Credential](t)(RecoveryCredential(code, recovery.Stretch))); err != nil {
			t.Error(err)
		}
		if len(again.Keys) != 2 || !sameKeys(again.Newest(), identityOf(t, 3)) {
			t.Error("it holds other keys")
		}
		if !c.totp {
			if len(v.TOTP()) != 0 {
				t.Error("time-based codes are on after a recovery")
			}
			continue
		}
		if secret, err := OpenTOTP(next.TOTPKey(), v.TOTP(), joe); err != nil || string(secret) != goldenSecret {
			t.Errorf("time-based codes: %v", err)
		}
	}
	o := must[*Opened](t)(golden(t).Open(must[*Credential](t)(byPassphrase())))
	_, _, err := o.WithPassphrase("short")
	wantCode(t, "a short passphrase", err, fault.BadRequest)
}

// Attacks on the secret of time-based codes: another key, another user's, a
// changed one, and the sealed keychain in its place.
func TestTOTPRefuses(t *testing.T) {
	c, v := must[*Credential](t)(byPassphrase()), golden(t)
	other := bytes.Repeat([]byte{1}, TOTPKeySize)
	changed := v.TOTP()
	changed[40] ^= 1
	for _, a := range []struct {
		attack      string
		key, sealed []byte
		name        Name
		code        fault.Code
	}{
		{"another key", other, v.TOTP(), joe, fault.BadPassphrase},
		{"another user", c.TOTPKey(), v.TOTP(), ann, fault.BadPassphrase},
		{"changed", c.TOTPKey(), changed, joe, fault.BadPassphrase},
		{"nothing", c.TOTPKey(), nil, joe, fault.BadPassphrase},
		{"a keychain", c.TOTPKey(), v.keychain, joe, fault.BadPassphrase},
		{"a key of another size", c.TOTPKey()[1:], v.TOTP(), joe, fault.BadRequest},
	} {
		_, err := OpenTOTP(a.key, a.sealed, a.name)
		wantCode(t, a.attack, err, a.code)
	}
	for what, secret := range map[string][]byte{"no secret": nil, "a long secret": make([]byte, maxTOTP)} {
		_, err := SealTOTP(other, secret, joe)
		wantCode(t, what, err, fault.BadRequest)
	}
	if _, err := SealTOTP(nil, []byte(goldenSecret), joe); fault.CodeOf(err) != fault.BadRequest {
		t.Errorf("no key: %v", err)
	}
}

func TestParseVaultRefuses(t *testing.T) {
	change := func(f func(m *accountpb.Vault)) []byte {
		m := new(accountpb.Vault)
		if err := m.UnmarshalVT(goldenBytes()); err != nil {
			t.Fatal(err)
		}
		f(m)
		b, err := m.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		what    string
		encoded []byte
		code    fault.Code
	}{
		{"nothing", nil, fault.BadName},
		{"too large", make([]byte, MaxVault+1), fault.TooLarge},
		{"cut off", goldenBytes()[:100], fault.BadRequest},
		{"a field of a later version", append(bytes.Clone(goldenBytes()), 9<<3, 1), fault.BadRequest},
		{"a bad name", change(func(m *accountpb.Vault) { m.Name = "../joe@example.com" }), fault.BadName},
		{"no keychain", change(func(m *accountpb.Vault) { m.Keychain = nil }), fault.BadRequest},
		{"a large keychain", change(func(m *accountpb.Vault) { m.Keychain = make([]byte, maxKeychain+1) }), fault.BadRequest},
		{"no lock", change(func(m *accountpb.Vault) { m.Locks = nil }), fault.BadRequest},
		{"no passphrase's lock", change(func(m *accountpb.Vault) { m.Locks = m.Locks[1:] }), fault.BadRequest},
		{"two locks of a kind", change(func(m *accountpb.Vault) { m.Locks[1].Kind = 1 }), fault.BadRequest},
		{"locks out of order", change(func(m *accountpb.Vault) { m.Locks[0], m.Locks[1] = m.Locks[1], m.Locks[0] }), fault.BadRequest},
		{"a lock of a later version", change(func(m *accountpb.Vault) { m.Locks[1].Kind = 3 }), fault.BadRequest},
		{"a weak lock", change(func(m *accountpb.Vault) { m.Locks[0].Stretch.Memory = 8 }), fault.BadRequest},
		{"a lock without stretch", change(func(m *accountpb.Vault) { m.Locks[0].Stretch = nil }), fault.BadRequest},
		{"a lock without login key", change(func(m *accountpb.Vault) { m.Locks[0].LoginKey = nil }), fault.BadRequest},
		{"a lock without vault key", change(func(m *accountpb.Vault) { m.Locks[0].Wrapped = nil }), fault.BadRequest},
		{"a long code secret", change(func(m *accountpb.Vault) { m.Totp = make([]byte, maxTOTP+1) }), fault.BadRequest},
		{"a short code secret", change(func(m *accountpb.Vault) { m.Totp = []byte{1} }), fault.BadRequest},
		{"20,000 empty locks", append(bytes.Clone(goldenBytes()), bytes.Repeat([]byte{3<<3 | 2, 0}, 20_000)...), fault.BadRequest},
	} {
		_, err := ParseVault(c.encoded)
		wantCode(t, c.what, err, c.code)
	}
	if _, err := VaultOf(nil); err == nil {
		t.Error("no message was taken for a vault")
	}
}

func FuzzParseVault(f *testing.F) {
	f.Add(goldenBytes())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, encoded []byte) {
		v, err := ParseVault(encoded)
		if err != nil {
			return
		}
		if !bytes.Equal(v.Encode(), encoded) {
			t.Error("the vault has more than one form")
		}
		c, err := byPassphrase()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = v.Open(c)
	})
}

func FuzzOpenKeychain(f *testing.F) {
	seed := append([]byte{2<<3 | 2, 32}, make([]byte, 32)...)
	f.Add(seed)
	f.Fuzz(func(t *testing.T, plaintext []byte) {
		ids, err := decodeKeychain(joe, plaintext)
		if err == nil && (len(ids) == 0 || len(ids) > MaxKeys) {
			t.Errorf("a keychain of %d keys", len(ids))
		}
	})
}
