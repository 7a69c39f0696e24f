package group

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/cloudflare/circl/hpke"
	"github.com/cloudflare/circl/kem/xwing"
	"golang.org/x/crypto/chacha20poly1305"
)

// A second implementation, written here as the package comment has it, with
// circl's HPKE, opens a contributor's keys and what they open.
func TestSecondImplementationOpensARoster(t *testing.T) {
	s := team().next(t, owner, remove(observer))
	r, err := ParseRoster(s.roster)
	if err != nil {
		t.Fatal(err)
	}
	member, _ := r.Find(contributor)
	private, err := xwing.Scheme().UnmarshalBinaryPrivateKey(readKey(contributor).Seed())
	if err != nil {
		t.Fatal(err)
	}
	info := slices.Concat([]byte("ate group key v1\x00"), []byte{3, 1, 0, 0, 0, 9}, []byte("engineers"), []byte("contributor@example.com"))
	receiver, err := hpke.NewSuite(hpke.KEM_XWING, hpke.KDF_HKDF_SHA256, hpke.AEAD_AES256GCM).NewReceiver(private, info)
	if err != nil {
		t.Fatal(err)
	}
	opener, err := receiver.Setup(member.Keys[:1120])
	if err != nil {
		t.Fatal(err)
	}
	keychain, err := opener.Open(member.Keys[1120:], nil)
	if err != nil {
		t.Fatal(err)
	}
	m := s.open(t, contributor)
	seed := m.Keys(Contributor)[0].Signing.Seed()
	// RoleKeychain{seeds: [{role: 3, generation: 1, seed: 64 bytes}]}
	if want := append([]byte{1<<3 | 2, 70, 1 << 3, 3, 2 << 3, 1, 3<<3 | 2, 64}, seed...); !bytes.Equal(keychain, want) {
		t.Fatalf("the member's keys are %x", keychain)
	}
	unseal := func(seed []byte, associated string, sealed []byte) []byte {
		t.Helper()
		key, err := hkdf.Key(sha256.New, seed, nil, "ate group keychain key v1", 32)
		if err != nil {
			t.Fatal(err)
		}
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			t.Fatal(err)
		}
		plaintext, err := aead.Open(nil, sealed[1:25], sealed[25:], []byte(associated))
		if err != nil || sealed[0] != 1 {
			t.Fatalf("version %d: %v", sealed[0], err)
		}
		return plaintext
	}
	below := unseal(seed, "ate group key below v1\x00\x03\x01\x00\x00\x00engineers", r.secrets[Contributor].below)
	observers := m.Keys(Observer)
	if want := append([]byte{1<<3 | 2, 38, 1 << 3, 4, 2 << 3, 2, 3<<3 | 2, 32}, observers[0].Read.Seed()...); !bytes.Equal(below, want) {
		t.Fatalf("below are %x", below)
	}
	older := unseal(observers[0].Read.Seed(), "ate group older keys v1\x00\x04\x02\x00\x00\x00engineers", r.secrets[Observer].older)
	if want := append([]byte{1<<3 | 2, 38, 1 << 3, 4, 2 << 3, 1, 3<<3 | 2, 32}, observers[1].Read.Seed()...); !bytes.Equal(older, want) {
		t.Fatalf("older are %x", older)
	}
}
