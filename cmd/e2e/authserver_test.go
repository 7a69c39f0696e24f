package e2e

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authservertest"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/known"
)

const passphrase = "correct horse"

// startAuthServer starts auth-server over a new folder.
func startAuthServer(t *testing.T) *daemon {
	t.Helper()
	dir := t.TempDir()
	d := &daemon{t: t, program: "auth-server", args: []string{"run", "-vv", "-l", "127.0.0.1", filepath.Join(dir, "auth"), filepath.Join(dir, "key")}}
	d.start("0")
	t.Cleanup(func() {
		if t.Failed() {
			d.printLog()
		}
		d.cmd.Process.Kill()
		<-d.done
	})
	return d
}

// dialAuth connects to an authentication server with what is remembered.
func dialAuth(t *testing.T, d *daemon, memory *known.Memory) *authserver.Client {
	t.Helper()
	c, err := authserver.Dial(t.Context(), "ws://"+d.addr+"/auth#fp="+d.fingerprint, authserver.Options{
		Heads: memory, Statements: memory, Cost: account.LeastCost,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestSecondFactor: with the real server a code is needed once it is enabled, each
// is good once, a new passphrase keeps it, and a recovery ends it.
func TestSecondFactor(t *testing.T) {
	const joe account.Name = "joe@example.com"
	d, memory := startAuthServer(t), new(known.Memory)
	if _, err := dialAuth(t, d, memory).CreateUser(t.Context(), joe, passphrase, ""); err != nil {
		t.Fatal(err)
	}
	login := func(passphrase, code string) (*authserver.Session, error) {
		return dialAuth(t, d, memory).Login(t.Context(), joe, passphrase, func(context.Context) (string, error) {
			if code == "" {
				return "", context.Canceled
			}
			return code, nil
		})
	}
	session, err := login(passphrase, "")
	if err != nil {
		t.Fatal(err)
	}
	secret, now := authserver.NewTOTPSecret(), time.Now()
	code := func(periods time.Duration) string {
		return authservertest.Code(secret, now.Add(periods*30*time.Second))
	}
	if err := session.EnableTOTP(t.Context(), secret, code(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := login(passphrase, ""); err != context.Canceled {
		t.Errorf("without a code: %v; want to be asked for one", err)
	}
	if _, err := login(passphrase, code(0)); !fault.Is(err, fault.LoginFailed) {
		t.Errorf("a code that was used: %v", err)
	}
	session, err = login(passphrase, code(1))
	if err != nil {
		t.Fatal(err)
	}
	recovery, err := session.ChangePassphrase(t.Context(), "battery staple")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := login("battery staple", ""); err != context.Canceled {
		t.Errorf("after a new passphrase: %v; want to be asked for a code", err)
	}
	if _, _, err := dialAuth(t, d, memory).Recover(t.Context(), joe, recovery, "another one"); err != nil {
		t.Fatal(err)
	}
	session, err = login("another one", "")
	if err != nil {
		t.Fatalf("after a recovery: %v", err)
	}
	if details, err := session.Details(t.Context()); err != nil || details.TOTP {
		t.Errorf("the details are %+v, %v", details, err)
	}
}

// TestAccountsOutliveAKill: what was answered is there after SIGKILL, and the log
// continues what the client has seen of it.
func TestAccountsOutliveAKill(t *testing.T) {
	d, memory := startAuthServer(t), new(known.Memory)
	for _, name := range []account.Name{"joe@example.com", "ann@example.com", "eve@example.com"} {
		if _, err := dialAuth(t, d, memory).CreateUser(t.Context(), name, passphrase, ""); err != nil {
			t.Fatal(err)
		}
		d.kill()
		d.restart()
		if _, err := dialAuth(t, d, memory).LookUser(t.Context(), name); err != nil {
			t.Fatalf("%s after a kill: %v", name, err)
		}
	}
}

// TestRotationsUnseen: who comes back after a user took new keys several times, and
// after the server was killed, checks each of them and trusts the newest.
func TestRotationsUnseen(t *testing.T) {
	const joe account.Name = "joe@example.com"
	d, memory := startAuthServer(t), new(known.Memory)
	if _, err := dialAuth(t, d, new(known.Memory)).CreateUser(t.Context(), joe, passphrase, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := dialAuth(t, d, memory).LookUser(t.Context(), joe); err != nil {
		t.Fatal(err)
	}
	session, err := dialAuth(t, d, new(known.Memory)).Login(t.Context(), joe, passphrase, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range authserver.MaxEarlier + 2 {
		if err := session.RotateKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	d.kill()
	d.restart()
	advert, err := dialAuth(t, d, memory).LookUser(t.Context(), joe)
	if err != nil {
		t.Fatal(err)
	}
	own := session.Keys()
	if newest := own[len(own)-1].Signing.Public(); advert.Number != authserver.MaxEarlier+2 || advert.Signing.ID() != newest.ID() {
		t.Errorf("number %d has the key %s; the newest is %s", advert.Number, advert.Signing, newest)
	}
}
