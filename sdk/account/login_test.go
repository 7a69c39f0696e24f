package account

import (
	"bytes"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
)

// A login is good for its user, its kind, its connection and its server; and
// what is wrong with one is not said.
func TestLogin(t *testing.T) {
	v := golden(t)
	c, code := must[*Credential](t)(byPassphrase()), must[*Credential](t)(byCode())
	lock, _ := v.Lock(Passphrase)
	recovery, _ := v.Lock(Recovery)
	binding, other := bytes.Repeat([]byte{1}, BindingSize), bytes.Repeat([]byte{2}, BindingSize)
	server, otherServer := identity.Fingerprint{1}, identity.Fingerprint{2}
	good := c.SignLogin(joe, binding, server)
	if err := VerifyLogin(lock, joe, binding, server, good); err != nil {
		t.Fatal(err)
	}
	if err := VerifyLogin(recovery, joe, binding, server, code.SignLogin(joe, binding, server)); err != nil {
		t.Fatal(err)
	}
	sameKey := lock
	sameKey.Kind = Recovery
	wrong := must[*Credential](t)(StretchPassphrase("incorrect horse", lock.Stretch))
	for _, a := range []struct {
		attack string
		err    error
	}{
		{"a wrong passphrase", VerifyLogin(lock, joe, binding, server, wrong.SignLogin(joe, binding, server))},
		{"replayed on another connection", VerifyLogin(lock, joe, other, server, good)},
		{"replayed at another server", VerifyLogin(lock, joe, binding, otherServer, good)},
		{"as another user", VerifyLogin(lock, ann, binding, server, good)},
		{"as a recovery", VerifyLogin(sameKey, joe, binding, server, good)},
		{"a recovery as a passphrase", VerifyLogin(lock, joe, binding, server, code.SignLogin(joe, binding, server))},
		{"signed for another purpose", VerifyLogin(lock, joe, binding, server, c.login.Sign(keys.ForProof, loginMessage(Passphrase, joe, binding, server)))},
		{"another message of this purpose", VerifyLogin(lock, joe, binding, server, c.login.Sign(keys.ForLogin, append([]byte{2}, loginMessage(Passphrase, joe, binding, server)[1:]...)))},
		{"a binding that is none", VerifyLogin(lock, joe, nil, server, c.SignLogin(joe, nil, server))},
		{"a binding moved into the fingerprint", VerifyLogin(lock, joe, append(bytes.Clone(binding), 1), server, c.SignLogin(joe, append(bytes.Clone(binding), 1), server))},
		{"no signature", VerifyLogin(lock, joe, binding, server, nil)},
		{"a user who does not exist", VerifyLogin(Lock{}, joe, binding, server, good)},
	} {
		wantCode(t, a.attack, a.err, fault.LoginFailed)
		if a.err == nil || a.err.Error() != LoginRefused().Error() {
			t.Errorf("%s: it says %v", a.attack, a.err)
		}
	}
}

// The message that is signed, byte by byte.
func TestLoginMessage(t *testing.T) {
	got := loginMessage(Recovery, joe, bytes.Repeat([]byte{0xb0}, 32), identity.Fingerprint(bytes.Repeat([]byte{0xf0}, 32)))
	want := append([]byte{1}, bytes.Repeat([]byte{0xb0}, 32)...)
	want = append(want, bytes.Repeat([]byte{0xf0}, 32)...)
	want = append(want, 2, 15, 0)
	want = append(want, "joe@example.com"...)
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}
