package authserver

import (
	"crypto/rand"
	"encoding/base32"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
)

// codes is an authenticator app.
type codes struct {
	tb     testing.TB
	secret []byte
}

func newCodes(tb testing.TB) codes {
	secret := make([]byte, 20)
	rand.Read(secret)
	return codes{tb, secret}
}

func (c codes) at(now time.Time) string {
	code, err := totp.GenerateCode(base32.StdEncoding.EncodeToString(c.secret), now)
	check(c.tb, err)
	return code
}

func (p *peer) setTotp(secret []byte, c *account.Credential, code string) error {
	p.tb.Helper()
	m := &pb.SetTotp{Secret: append([]byte(nil), secret...), TotpKey: c.TOTPKey(), Code: code}
	return p.done(&pb.Request_SetTotp{SetTotp: m})
}

func (p *peer) loginWithCode(who *person, code string) (*pb.LoggedIn, error) {
	p.tb.Helper()
	login := p.loginRequest(who.name, who.passphrase)
	login.TotpKey, login.TotpCode = who.passphrase.TOTPKey(), code
	return p.send(login)
}

// withTOTP returns a world in which alice needs time-based codes, one step after
// she began.
func withTOTP(t *testing.T) (*world, codes) {
	t.Helper()
	w, alice, app := newWorld(t, "alice"), cast()["alice"], newCodes(t)
	p := w.loginAs(alice)
	wantCode(t, "beginning with a false code", p.setTotp(app.secret, alice.passphrase, "000000"), fault.LoginFailed)
	check(t, p.setTotp(app.secret, alice.passphrase, app.at(w.now())))
	check(t, p.setTotp(app.secret, alice.passphrase, app.at(w.now()))) // sent again
	w.pass(30 * time.Second)
	return w, app
}

// TestTOTPIsNeeded proves what a login takes once time-based codes are on, and
// that a code is good once.
func TestTOTPIsNeeded(t *testing.T) {
	w, app := withTOTP(t)
	alice := cast()["alice"]
	p := w.connect()
	answer, err := p.send(p.loginRequest(alice.name, alice.passphrase))
	check(t, err)
	if !answer.TotpNeeded || answer.Vault != nil || answer.Advert != nil || p.as.user != "" {
		t.Fatalf("without a code the login answers %v, and the connection acts as %q", answer, p.as.user)
	}
	_, err = p.loginWithCode(alice, "123 456")
	wantCode(t, "a false code", err, fault.LoginFailed)
	_, err = p.loginWithCode(alice, app.at(w.now().Add(-5*time.Minute)))
	wantCode(t, "an old code", err, fault.LoginFailed)
	login := p.loginRequest(alice.name, alice.passphrase)
	login.TotpKey, login.TotpCode = cast()["bob"].passphrase.TOTPKey(), app.at(w.now())
	_, err = p.send(login)
	wantCode(t, "a key that another passphrase gives", err, fault.LoginFailed)

	code := app.at(w.now())
	answer, err = p.loginWithCode(alice, code)
	check(t, err)
	if answer.Vault == nil {
		t.Fatal("a login with a good code gives no vault")
	}
	w.open() // that it was used survives a crash
	_, err = w.connect().loginWithCode(alice, code)
	wantCode(t, "a code that was used", err, fault.LoginFailed)
	w.pass(10 * time.Minute)
	w.pass(30 * time.Second)
	_, err = w.connect().loginWithCode(alice, app.at(w.now().Add(30*time.Second)))
	check(t, err) // a clock that is a step ahead
	_, err = w.connect().loginWithCode(alice, app.at(w.now()))
	wantCode(t, "a code before the one that was used", err, fault.LoginFailed)
}

// TestGuessingCodes: the attack is to guess codes with a passphrase that leaked,
// from many addresses.
func TestGuessingCodes(t *testing.T) {
	w, _ := withTOTP(t)
	alice := cast()["alice"]
	home := w.connect() // alice has logged in from here
	guessed := 0
	for i := range 100 {
		p := w.connectFrom("203.0.113." + string(rune('0'+i%10)))
		if _, err := p.loginWithCode(alice, "000000"); fault.Is(err, fault.LoginFailed) {
			guessed++
		}
	}
	if guessed > 5 {
		t.Errorf("%d codes were tried at once; want 5", guessed)
	}
	if _, err := home.send(home.loginRequest(alice.name, alice.passphrase)); err != nil {
		t.Errorf("the owner at home is locked out: %v", err)
	}
}

// TestGuessingCodesOfASession: the attack is to end somebody's time-based codes on
// a connection that has logged in, with the code that was just used or by guesses.
func TestGuessingCodesOfASession(t *testing.T) {
	w, app := withTOTP(t)
	alice := cast()["alice"]
	p, code := w.connect(), app.at(w.now())
	_, err := p.loginWithCode(alice, code)
	check(t, err)
	wantCode(t, "the code that logged in", p.setTotp(nil, alice.passphrase, code), fault.LoginFailed)
	guessed := 1
	for range 20 {
		w.pass(31 * time.Second) // so that passphrases may be tried
		if fault.Is(p.setTotp(nil, alice.passphrase, "000000"), fault.LoginFailed) {
			guessed++
		}
	}
	if guessed > 5+2 { // and one each five minutes
		t.Errorf("%d codes were tried in ten minutes; want 7", guessed)
	}
}

// TestEndingTOTP proves that ending codes takes a code, and that a vault cannot do
// it.
func TestEndingTOTP(t *testing.T) {
	w, app := withTOTP(t)
	alice := cast()["alice"]
	p := w.connect()
	answer, err := p.loginWithCode(alice, app.at(w.now()))
	check(t, err)
	vault, err := account.VaultOf(answer.Vault)
	check(t, err)
	put := func(v account.Vault) error {
		return p.done(&pb.Request_PutUser{PutUser: &pb.PutUser{Vault: v.Proto()}})
	}
	wantCode(t, "a vault without the secret", put(vault.WithTOTP(nil)), fault.VersionConflict)
	wantCode(t, "a new passphrase without the secret", put(withLocksOf(t, vault, cast()["bob"].vault).WithTOTP(nil)), fault.VersionConflict)
	wantCode(t, "another secret", p.setTotp(newCodes(t).secret, alice.passphrase, "000000"), fault.BadRequest)
	w.pass(30 * time.Second)
	wantCode(t, "ending with a false code", p.setTotp(nil, alice.passphrase, "000000"), fault.LoginFailed)
	wantCode(t, "ending with another key", p.setTotp(nil, cast()["bob"].passphrase, app.at(w.now())), fault.LoginFailed)
	check(t, p.setTotp(nil, alice.passphrase, app.at(w.now())))
	check(t, p.setTotp(nil, alice.passphrase, app.at(w.now()))) // sent again
	if u, err := p.details(); err != nil || u.Totp {
		t.Errorf("after the end, the details are %v, %v", u, err)
	}
	w.loginAs(alice)
}

// TestRecoveryEndsTOTP proves that who has the recovery code needs no other, and
// that the next passphrase then begins without one.
func TestRecoveryEndsTOTP(t *testing.T) {
	w, _ := withTOTP(t)
	alice := cast()["alice"]
	p := w.connect()
	answer, err := p.send(p.loginRequest(alice.name, alice.recovery))
	check(t, err)
	vault, err := account.VaultOf(answer.Vault)
	check(t, err)
	put := func(v account.Vault) error {
		return p.done(&pb.Request_PutUser{PutUser: &pb.PutUser{Vault: v.Proto()}})
	}
	wantCode(t, "ending codes without a passphrase", p.setTotp(nil, alice.passphrase, "000000"), fault.NeedsLogin)
	wantCode(t, "a vault that keeps the passphrase and ends the codes", put(vault.WithTOTP(nil)), fault.VersionConflict)
	changed := withLocksOf(t, vault, cast()["bob"].vault)
	wantCode(t, "a new passphrase with the old secret", put(changed), fault.BadRequest)
	check(t, put(changed.WithTOTP(nil)))
	q := w.connect()
	answer, err = q.send(q.loginRequest(alice.name, cast()["bob"].passphrase))
	check(t, err)
	if answer.TotpNeeded {
		t.Error("the new passphrase still needs a code")
	}
}
