package authserver

import (
	"testing"
	"time"

	"github.com/atedb/atedb/core/authserver/invite"
	"github.com/atedb/atedb/sdk/account"
	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

func (p *peer) create(m *pb.CreateUser) error {
	p.tb.Helper()
	return p.done(&pb.Request_CreateUser{CreateUser: m})
}

func (p *peer) put(vault account.Vault, advert *account.Signed) error {
	p.tb.Helper()
	m := &pb.PutUser{Vault: vault.Proto()}
	if advert != nil {
		m.Advert = advert.Proto()
	}
	return p.done(&pb.Request_PutUser{PutUser: m})
}

// TestCreateUser proves what a new user must bring, that a name is taken once, and
// that the same request again, as after a lost answer, is done again.
func TestCreateUser(t *testing.T) {
	w, alice, bob := newWorld(t, "alice"), cast()["alice"], cast()["bob"]
	p := w.connect()
	check(t, p.create(alice.createUser()))
	squatter := *bob
	squatter.advert = account.FirstAdvert(alice.name, bob.id, time.Now())
	vault := bob.vault.Proto()
	vault.Name = string(alice.name)
	wantCode(t, "a name that is taken", p.create(&pb.CreateUser{Advert: squatter.advert.Proto(), Vault: vault}), fault.VersionConflict)
	wantCode(t, "the vault of somebody else", p.create(&pb.CreateUser{Advert: bob.advert.Proto(), Vault: alice.vault.Proto()}), fault.BadRequest)
	wantCode(t, "no vault", p.create(&pb.CreateUser{Advert: bob.advert.Proto()}), fault.BadName)
	wantCode(t, "no advert", p.create(&pb.CreateUser{Vault: bob.vault.Proto()}), fault.BadRequest)
	withTotp := bob.vault.WithTOTP(make([]byte, 60))
	wantCode(t, "a vault with time-based codes", p.create(&pb.CreateUser{Advert: bob.advert.Proto(), Vault: withTotp.Proto()}), fault.BadRequest)
	forged := bob.advert.Proto()
	forged.Signatures[0].Signature = append([]byte(nil), alice.advert.Signatures[0].Signature...)
	wantCode(t, "an advert signed by nobody", p.create(&pb.CreateUser{Advert: forged, Vault: bob.vault.Proto()}), fault.NotAuthorized)
	second, err := account.NextAdvert(bob.advert, bob.id, cast()["carol"].id, time.Now())
	check(t, err)
	wantCode(t, "an advert that is not the first", p.create(&pb.CreateUser{Advert: second.Proto(), Vault: bob.vault.Proto()}), fault.VersionConflict)
	if _, err := p.details(); !fault.Is(err, fault.NeedsLogin) {
		t.Errorf("registering logs in: %v", err)
	}
}

// TestPolicy proves who may register where not everybody may.
func TestPolicy(t *testing.T) {
	w, alice, bob := newWorld(t), cast()["alice"], cast()["bob"]
	w.policy = Policy{Domains: []string{"example.org"}}
	wantCode(t, "another domain", w.connect().create(alice.createUser()), fault.Denied)
	w.policy = Policy{ByInvite: true, Domains: []string{"example.com"}}
	invited := func(who *person, code string) error {
		m := who.createUser()
		m.Invite = code
		return w.connect().create(m)
	}
	wantCode(t, "no invite", invited(alice, ""), fault.Denied)
	code := w.inviter.Code(string(alice.name), w.now().Add(time.Hour))
	wantCode(t, "another's invite", invited(bob, code), fault.Denied)
	other, err := invite.New(alice.id.Signing)
	check(t, err)
	wantCode(t, "an invite of another server", invited(alice, other.Code(string(alice.name), w.now().Add(time.Hour))), fault.Denied)
	w.pass(2 * time.Hour)
	wantCode(t, "an invite that is too old", invited(alice, code), fault.Denied)
	w.pass(-2 * time.Hour)
	check(t, invited(alice, code))
	check(t, invited(alice, code)) // sent again
}

// TestFloodOfUsers: the attack is to fill the server with users.
func TestFloodOfUsers(t *testing.T) {
	w := newWorld(t)
	for range registrationRate.Burst {
		w.registrations.Take("192.0.2.1/32", w.now())
	}
	wantCode(t, "one user too many", w.connect().create(cast()["alice"].createUser()), fault.Overloaded)
	check(t, w.connectFrom("192.0.2.2").create(cast()["alice"].createUser()))
}

// TestRotation proves that new keys must follow the old ones, that old tokens end
// with them, and that the same request again is done again.
func TestRotation(t *testing.T) {
	w, alice := newWorld(t, "alice"), cast()["alice"]
	p := w.loginAs(alice)
	opened, err := alice.vault.Open(alice.passphrase)
	check(t, err)
	next, err := keys.NewIdentity(string(alice.name))
	check(t, err)
	opened, err = opened.WithNextKeys(next)
	check(t, err)
	advert, err := account.NextAdvert(alice.advert, alice.id, next, w.now())
	check(t, err)

	again := account.FirstAdvert(alice.name, next, w.now())
	wantCode(t, "a first advert in the place of the next", p.put(opened.Vault(), &again), fault.VersionConflict)
	bob := cast()["bob"]
	stolen, err := account.NextAdvert(bob.advert, bob.id, next, w.now())
	check(t, err)
	wantCode(t, "the next advert of somebody else", p.put(opened.Vault(), &stolen), fault.BadRequest)
	wantCode(t, "the vault of somebody else", p.put(bob.vault, nil), fault.NotAuthorized)

	other := w.loginAs(alice)
	check(t, p.put(opened.Vault(), &advert))
	check(t, p.put(opened.Vault(), &advert)) // sent again
	wantCode(t, "an advert that was the next before", p.put(opened.Vault(), &alice.advert), fault.VersionConflict)

	// Another connection that knows the vault of before would take the new keys
	// out of it again.
	changed := withLocksOf(t, alice.vault, bob.vault)
	wantCode(t, "a vault without the new keys", other.put(changed, nil), fault.VersionConflict)
	check(t, other.put(opened.Vault(), &advert)) // but the same again is done
	w.open()
	found, err := w.connect().lookAt(string(alice.name), 0)
	check(t, err)
	if _, got := verifyFound(t, w, found); string(got.Statement) != string(advert.Statement) {
		t.Error("the newest advert is not the one that was put last")
	}
}

// TestNewPassphrase proves that the old passphrase and the old recovery code end
// with the vault that they open, and the connection that changed them goes on.
func TestNewPassphrase(t *testing.T) {
	w, alice, bob := newWorld(t, "alice"), cast()["alice"], cast()["bob"]
	p := w.loginAs(alice)
	check(t, p.put(withLocksOf(t, alice.vault, bob.vault), nil))
	if _, err := p.details(); err != nil {
		t.Errorf("the connection that changed the passphrase: %v", err)
	}
	for _, old := range []*account.Credential{alice.passphrase, alice.recovery} {
		q := w.connect()
		_, err := q.send(q.loginRequest(alice.name, old))
		wantCode(t, "the old "+old.Kind().String(), err, fault.LoginFailed)
	}
	q := w.connect()
	_, err := q.send(q.loginRequest(alice.name, bob.passphrase))
	check(t, err)
}
