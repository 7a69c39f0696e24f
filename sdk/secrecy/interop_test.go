package secrecy

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/cloudflare/circl/hpke"
	"github.com/cloudflare/circl/kem"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
)

// The second implementation of a wrap is circl's HPKE, with the info built here
// as the package comment has it.
var circlSuite = hpke.NewSuite(hpke.KEM_XWING, hpke.KDF_HKDF_SHA256, hpke.AEAD_AES256GCM)

func specInfo(id event.Hash) []byte {
	generation := binary.LittleEndian.AppendUint32(nil, 1)
	return slices.Concat([]byte("ate data key wrap v1\x00"), testChain[:], id[:], generation, []byte(testAuthority))
}

func TestSecondImplementationOpensAWrap(t *testing.T) {
	k, member := NewDataKey(), keys.NewReadKey()
	data := wrappedBytes(t, k, member)
	receiver, err := circlSuite.NewReceiver(circlPrivate(t, member), specInfo(k.ID()))
	if err != nil {
		t.Fatal(err)
	}
	wrap := data[len(data)-1120-48:]
	opener, err := receiver.Setup(wrap[:1120])
	if err != nil {
		t.Fatal(err)
	}
	got, err := opener.Open(wrap[1120:], nil)
	if err != nil || !bytes.Equal(got, k.secret()[:]) {
		t.Errorf("opened to %d bytes, %v", len(got), err)
	}
}

func TestUnwrapOpensTheWrapOfASecondImplementation(t *testing.T) {
	k, member := NewDataKey(), keys.NewReadKey()
	sender, err := circlSuite.NewSender(circlPrivate(t, member).Public(), specInfo(k.ID()))
	if err != nil {
		t.Fatal(err)
	}
	encap, sealer, err := sender.Setup(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ciphertext, err := sealer.Seal(k.secret()[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	id, memberID := k.ID(), idOf(member)
	r := mustParse(t, slices.Concat([]byte{1, byte(len(testAuthority)), 1, 0, 1, 0, 0, 0}, id[:], []byte(testAuthority), memberID[:], encap, ciphertext))
	got, err := r.Unwrap(testChain, member)
	if err != nil || got.ID() != k.ID() {
		t.Errorf("opened to %v, %v", got, err)
	}
}

func circlPrivate(t *testing.T, key *keys.ReadKey) kem.PrivateKey {
	t.Helper()
	private, err := key.HPKE()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := private.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	k, err := hpke.KEM_XWING.Scheme().UnmarshalBinaryPrivateKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
