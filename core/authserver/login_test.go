package authserver

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
)

var bothKinds = []accountpb.Lock_Kind{accountpb.Lock_KIND_PASSPHRASE, accountpb.Lock_KIND_RECOVERY}

// TestLoginGivesTheVault proves that a login gives what the user's own secret
// opens: his keys.
func TestLoginGivesTheVault(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	for _, c := range []*account.Credential{alice.passphrase, alice.recovery} {
		p := w.connect()
		answer, err := p.send(p.loginRequest(alice.name, c))
		check(t, err)
		vault, err := account.VaultOf(answer.Vault)
		check(t, err)
		opened, err := vault.Open(c)
		check(t, err)
		if opened.Newest().Public().Signing.ID() != alice.id.Public().Signing.ID() {
			t.Error("the vault holds other keys than were put there")
		}
		advert, err := account.SignedOf(answer.Advert)
		check(t, err)
		if !bytes.Equal(advert.Encode(), alice.advert.Encode()) {
			t.Error("the login answers with another advert than the newest")
		}
	}
}

// TestUnknownUserLooksLikeAKnownOne: the attack is to find out which users exist,
// and with which locks, by beginning logins.
func TestUnknownUserLooksLikeAKnownOne(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	const unknown = "nobody-here@example.com"
	salts := map[string]bool{}
	for _, kind := range bothKinds {
		var first *accountpb.Stretch
		for range 3 { // the salt is stable, also over a restart
			s, err := w.connect().stretch(unknown, kind)
			check(t, err)
			if first == nil {
				first = s
			}
			if !bytes.Equal(s.Salt, first.Salt) || len(s.Salt) != account.SaltSize {
				t.Errorf("the salts of an unknown user are %x and %x", first.Salt, s.Salt)
			}
			if got := (account.Cost{Passes: s.Passes, Memory: s.Memory, Threads: s.Threads}); got != account.DefaultCost {
				t.Errorf("an unknown user has the cost %v, and new ones %v", got, account.DefaultCost)
			}
			w.open()
		}
		salts[string(first.Salt)] = true
		other, err := w.connect().stretch("x"+unknown, kind)
		check(t, err)
		salts[string(other.Salt)] = true
	}
	if len(salts) != 4 {
		t.Error("unknown users, or their locks, share a salt")
	}
	for _, kind := range []*account.Credential{alice.passphrase, alice.recovery} {
		p := w.connect()
		_, err := p.send(p.loginRequest(unknown, kind))
		_, wrong := p.send(p.loginRequest(alice.name, cast()["bob"].passphrase))
		wantCode(t, "an unknown user's login", err, fault.LoginFailed)
		if fmt.Sprint(err) != fmt.Sprint(wrong) {
			t.Errorf("an unknown user is told %q and a known one %q", err, wrong)
		}
	}
}

// TestTheDecoyCannotLogIn: the attack is to log in as the decoy itself.
func TestTheDecoyCannotLogIn(t *testing.T) {
	w := newWorld(t, "alice")
	p := w.connect()
	_, err := p.send(p.loginRequest("nobody@localhost", cast()["alice"].passphrase))
	wantCode(t, "the decoy's name", err, fault.LoginFailed)
	login := p.loginRequest("", cast()["alice"].passphrase)
	_, err = p.send(login)
	wantCode(t, "the empty name", err, fault.BadName)
}

// TestUnknownUserTakesAsLong compares the median times of both halves of a login,
// coarsely.
func TestUnknownUserTakesAsLong(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	const unknown = account.Name("nobody-here@example.com")
	bob := cast()["bob"].passphrase
	measure := func(name account.Name) (begin, end time.Duration) {
		var begins, ends []time.Duration
		for range 41 {
			w.pass(time.Hour)
			p := w.connect()
			login := p.loginRequest(name, bob)
			start := time.Now()
			p.stretch(string(name), accountpb.Lock_KIND_PASSPHRASE)
			begins = append(begins, time.Since(start))
			start = time.Now()
			p.send(login)
			ends = append(ends, time.Since(start))
		}
		slices.Sort(begins)
		slices.Sort(ends)
		return begins[20], ends[20]
	}
	for attempt := 0; ; attempt++ {
		begin1, end1 := measure(alice.name)
		begin2, end2 := measure(unknown)
		if within(begin1, begin2) && within(end1, end2) {
			return
		}
		if attempt == 4 {
			t.Fatalf("GetStretch and Login take %s and %s for a known user, %s and %s for an unknown one", begin1, end1, begin2, end2)
		}
	}
}

func within(a, b time.Duration) bool { return a < b*3/2 && b < a*3/2 }

// TestReplayedLogin: the attack is to use a login that was heard on one
// connection on another, or as another kind or name.
func TestReplayedLogin(t *testing.T) {
	w, alice := newWorld(t, "alice", "bob"), cast()["alice"]
	heard := w.connect().loginRequest(alice.name, alice.passphrase)
	p := w.connect()
	_, err := p.send(heard)
	wantCode(t, "a login of another connection", err, fault.LoginFailed)
	own := p.loginRequest(alice.name, alice.passphrase)
	own.Kind = accountpb.Lock_KIND_RECOVERY
	_, err = p.send(own)
	wantCode(t, "a login with the other kind", err, fault.LoginFailed)
	own = p.loginRequest(alice.name, alice.passphrase)
	own.Name = string(cast()["bob"].name)
	_, err = p.send(own)
	wantCode(t, "a login under another name", err, fault.LoginFailed)
	if p.as.user != "" {
		t.Error("the connection acts for somebody after failed logins")
	}
}

// TestBruteForce: the attack is to guess a passphrase, from one address, with one
// connection for each attempt.
func TestBruteForce(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	home := w.connectFrom("198.51.100.7")
	_, err := home.send(home.loginRequest(alice.name, alice.passphrase))
	check(t, err)

	attempts := 0
	for ; attempts < 50; attempts++ {
		p := w.connect()
		if _, err = p.send(p.loginRequest(alice.name, cast()["bob"].passphrase)); !fault.Is(err, fault.LoginFailed) {
			break
		}
	}
	wantCode(t, "too many attempts", err, fault.Overloaded)
	if attempts != 5 {
		t.Errorf("%d wrong passphrases were tried before the first was refused unseen; want 5", attempts)
	}
	p := w.connect()
	reply := p.ask(requestOf(p.loginRequest(alice.name, alice.passphrase)))
	if reply.Code != string(fault.Overloaded) || reply.RetryAfterSeconds < 1 || reply.RetryAfterSeconds > 30 {
		t.Errorf("the right passphrase from the attacker's address is answered %q, to be tried again after %d s", reply.Code, reply.RetryAfterSeconds)
	}
	for _, address := range []string{"198.51.100.7", "203.0.113.9"} { // where he was before, and never
		p := w.connectFrom(address)
		if _, err := p.send(p.loginRequest(alice.name, alice.passphrase)); err != nil {
			t.Errorf("the owner at %s is locked out along with the attacker: %v", address, err)
		}
	}
	w.pass(31 * time.Second)
	if _, err := p.send(p.loginRequest(alice.name, alice.passphrase)); err != nil {
		t.Errorf("after the wait, the address is still refused: %v", err)
	}
}

// TestAtOnce proves that good logins at the same time do not stop each other, and
// that of wrong ones at the same time no more are tried than one after the other.
func TestAtOnce(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	try := func(c *account.Credential) (good, failed, stopped int) {
		var count [3]atomic.Int64
		var running sync.WaitGroup
		for range 40 {
			p := w.connect()
			login := p.loginRequest(alice.name, c)
			running.Go(func() {
				switch _, err := p.send(login); fault.CodeOf(err) {
				case "":
					count[0].Add(1)
				case fault.LoginFailed:
					count[1].Add(1)
				case fault.Overloaded:
					count[2].Add(1)
				}
			})
		}
		running.Wait()
		return int(count[0].Load()), int(count[1].Load()), int(count[2].Load())
	}
	if good, failed, stopped := try(alice.passphrase); good != 40 {
		t.Errorf("of 40 good logins at once %d failed and %d were stopped", failed, stopped)
	}
	if good, failed, stopped := try(cast()["bob"].passphrase); good != 0 || failed != 5 || stopped != 35 {
		t.Errorf("of 40 wrong logins at once %d were good, %d tried and %d stopped", good, failed, stopped)
	}
}

// TestBruteForceFromEverywhere: the attack is to guess one user's passphrase from
// many addresses. It must not lock him out where he usually is, nor his recovery
// code.
func TestBruteForceFromEverywhere(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	home := w.connectFrom("198.51.100.7")
	_, err := home.send(home.loginRequest(alice.name, alice.passphrase))
	check(t, err)
	tried := 0
	for i := range 200 {
		p := w.connectFrom(fmt.Sprintf("203.0.113.%d", i))
		if _, err := p.send(p.loginRequest(alice.name, cast()["bob"].passphrase)); fault.Is(err, fault.LoginFailed) {
			tried++
		}
	}
	if tried > 20 {
		t.Errorf("%d passphrases were tried at once; want 20", tried)
	}
	if _, err := home.send(home.loginRequest(alice.name, alice.passphrase)); err != nil {
		t.Errorf("the owner at home is locked out: %v", err)
	}
	abroad := w.connectFrom("192.0.2.99")
	_, err = abroad.send(abroad.loginRequest(alice.name, alice.passphrase))
	wantCode(t, "the owner abroad during the attack", err, fault.Overloaded)
	if _, err := abroad.send(abroad.loginRequest(alice.name, alice.recovery)); err != nil {
		t.Errorf("the recovery code is locked out: %v", err)
	}
	w.pass(10 * time.Second)
	if _, err := abroad.send(abroad.loginRequest(alice.name, alice.passphrase)); err != nil {
		t.Errorf("the owner abroad is locked out for long: %v", err)
	}
}

// TestOnePassphraseForManyNames: the attack is to try a common passphrase with
// many names.
func TestOnePassphraseForManyNames(t *testing.T) {
	w := newWorld(t)
	tried := 0
	for i := range 100 {
		p, name := w.connectFrom("2001:db8::"+fmt.Sprint(i)), account.Name(fmt.Sprintf("user%d@example.com", i))
		if _, err := p.send(p.loginRequest(name, cast()["bob"].passphrase)); fault.Is(err, fault.LoginFailed) {
			tried++
		}
	}
	if tried > 30 {
		t.Errorf("%d names were tried at once from one network; want 30", tried)
	}
}

// TestConnectionEndsAfterFailures proves that one connection cannot fail for ever,
// whatever passes of time.
func TestConnectionEndsAfterFailures(t *testing.T) {
	w := newWorld(t, "alice")
	p := w.connect()
	for range maxFailures + 1 {
		w.pass(time.Hour)
		_, err := p.send(p.loginRequest("alice@example.com", cast()["bob"].passphrase))
		wantCode(t, "a wrong passphrase", err, fault.LoginFailed)
	}
	if p.failures <= maxFailures {
		t.Errorf("%d failures are counted", p.failures)
	}
}
