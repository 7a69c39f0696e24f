package account

import (
	"encoding/hex"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/fault"
)

// argon2id against test vectors of the reference implementation of RFC 9106's
// authors (phc-winner-argon2, src/test.c, version 0x13). RFC 9106's own vector
// has a secret and associated data, which we do not use and x/crypto does not
// take.
func TestArgon2idVectors(t *testing.T) {
	for _, c := range []struct {
		cost Cost
		want string
	}{
		{Cost{2, 1 << 16, 1}, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"},
		{Cost{2, 1 << 8, 2}, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"},
	} {
		got := argon2.IDKey([]byte("password"), []byte("somesalt"), c.cost.Passes, c.cost.Memory, uint8(c.cost.Threads), stretchedSize)
		if hex.EncodeToString(got) != c.want {
			t.Errorf("%+v: got %x, want %s", c.cost, got, c.want)
		}
	}
}

// The keys of a passphrase and of a code are those that a script in Python made
// from the package comment, with argon2-cffi and the HKDF of cryptography.
func TestKeysOfSecrets(t *testing.T) {
	for _, c := range []struct {
		kind        Kind
		login, wrap string
	}{
		{Passphrase, "ee0bde0015d0e032c8992171416ec66701b573ad347a007faa8d06a4d29359f584abc28d10133d9e8275b5caad095df0e2a438d246f4da34371a42bd50105252",
			"e6fccd845bc520d756a7b1d8669e77219bce22149d78ad4eee9b75c054c245f4"},
		{Recovery, "362befff38f37c0fb615c05457c662e0df2f198c9f0fedb1fb224713d39545114dfaf923e2564cf300529153f5b799fe3528c3e4334d300f95b28e37dd3e6196",
			"13bfd1e7bd8a39d65f0aa202e562f24cbf5e68bfea4ed7ac22276d65a5219573"},
	} {
		credential := byPassphrase
		if c.kind == Recovery {
			credential = byCode
		}
		got := must[*Credential](t)(credential())
		if hex.EncodeToString(got.login.Seed()) != c.login || hex.EncodeToString(got.wrap()) != c.wrap || got.Kind() != c.kind {
			t.Errorf("the keys of the %s are others", c.kind)
		}
	}
	if totp := must[*Credential](t)(byPassphrase()).TOTPKey(); hex.EncodeToString(totp) != "e1c7a74082a5fa2acfeb8d15508b6345f0d97d768a813470de021c91e221756b" {
		t.Error("the key of time-based codes is another")
	}
	if must[*Credential](t)(byCode()).TOTPKey() != nil {
		t.Error("a recovery code gives a key of time-based codes")
	}
}

// Attack: a lying server asks for parameters so weak that it can guess the
// passphrase, or so strong that the client falls over.
func TestStretchRefusesWhatALyingServerAsksFor(t *testing.T) {
	for what, change := range map[string]func(*Stretch){
		"one pass":     func(s *Stretch) { s.Passes = 1 },
		"no pass":      func(s *Stretch) { s.Passes = 0 },
		"little":       func(s *Stretch) { s.Memory = 19<<10 - 1 },
		"no memory":    func(s *Stretch) { s.Memory = 0 },
		"no thread":    func(s *Stretch) { s.Threads = 0 },
		"256 threads":  func(s *Stretch) { s.Threads = 256 },
		"much time":    func(s *Stretch) { s.Passes = 17 },
		"2^32-1":       func(s *Stretch) { s.Passes = 1<<32 - 1 },
		"over 1 GiB":   func(s *Stretch) { s.Memory = 1<<20 + 1 },
		"no salt":      func(s *Stretch) { s.Salt = nil },
		"a short salt": func(s *Stretch) { s.Salt = s.Salt[1:] },
		"a long salt":  func(s *Stretch) { s.Salt = append(s.Salt, 0) },
	} {
		s := LeastCost.NewStretch()
		change(&s)
		_, err := StretchPassphrase(passphrase, s)
		wantCode(t, what, err, fault.BadRequest)
		_, err = RecoveryCredential(goldenCode, s)
		wantCode(t, what, err, fault.BadRequest)
		_, err = StretchOf(s.Proto())
		wantCode(t, what, err, fault.BadRequest)
	}
	for _, cost := range []Cost{LeastCost, DefaultCost, MostCost} {
		if err := cost.NewStretch().Check(); err != nil {
			t.Error(err)
		}
	}
	if _, err := StretchOf(nil); fault.CodeOf(err) != fault.BadRequest {
		t.Errorf("no message: %v", err)
	}
	if _, err := KindOf(accountpb.Lock_KIND_UNSPECIFIED); err == nil {
		t.Error("a lock of no kind was taken")
	}
}

// A passphrase is the same however its accents were typed, and another one with
// another salt.
func TestPassphraseIsNormalized(t *testing.T) {
	s := LeastCost.NewStretch()
	composed := must[*Credential](t)(StretchPassphrase("caf\u00e9 au lait", s))
	decomposed := must[*Credential](t)(StretchPassphrase("cafe\u0301 au lait", s))
	if composed.LoginKey().ID() != decomposed.LoginKey().ID() {
		t.Error("two ways to type a passphrase give two keys")
	}
	if other := must[*Credential](t)(StretchPassphrase("caf\u00e9 au lait", LeastCost.NewStretch())); other.LoginKey().ID() == composed.LoginKey().ID() {
		t.Error("the salt changes nothing")
	}
	for what, bad := range map[string]string{"empty": "", "too long": string(make([]byte, MaxPassphrase+1)), "no UTF-8": "\xff\xff\xff\xff\xff\xff\xff\xff"} {
		_, err := StretchPassphrase(bad, s)
		wantCode(t, what, err, fault.BadPassphrase)
	}
}
