package wire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// clientHello returns a whole ClientHello whose other fields are as they must
// be: an offer goes with a fresh share.
func clientHello(t testing.TB, m *wirepb.ClientHello) []byte {
	t.Helper()
	if m.Version == 0 {
		m.Version = 1
	}
	if m.Nonce == nil {
		m.Nonce = bytes.Repeat([]byte{3}, 32)
	}
	if m.Encryption > 0 && m.Offer == 0 {
		m.Offer = 128
	}
	if m.Offer > 0 && m.KeyShare == nil {
		e, err := pqnoise.Level(m.Offer).KEM().GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		m.KeyShare = e.Public()
	}
	payload, err := m.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	return whole(1, payload)
}

// whole frames a payload as the package comment says.
func whole(kind byte, payload []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(1+len(payload)))
	return append(append(b, kind), payload...)
}

func readWhole(t *testing.T, r io.Reader) (message []byte, hello *wirepb.ServerHello) {
	t.Helper()
	header := make([]byte, 4)
	if _, err := io.ReadFull(r, header); err != nil {
		t.Fatal(err)
	}
	message = append(header, make([]byte, binary.LittleEndian.Uint32(header))...)
	if _, err := io.ReadFull(r, message[4:]); err != nil {
		t.Fatal(err)
	}
	hello = new(wirepb.ServerHello)
	if err := hello.UnmarshalVT(message[5:]); err != nil || message[4] != 129 {
		t.Fatalf("type %d, %v", message[4], err)
	}
	return message, hello
}

// A client written from the package comment, with only the handshake shared,
// comes to the same binding: in clear text, encrypted at once, and after being
// asked for another offer.
func TestGreetingByAnotherClient(t *testing.T) {
	id := newIdentity(t)
	fingerprint := id.Public().Fingerprint()
	nonce := bytes.Repeat([]byte{9}, 32)
	for _, test := range []struct {
		name          string
		server, offer int
	}{{"clear text", 0, 0}, {"at once", 192, 128}, {"asked again", 256, 128}} {
		near, far := net.Pipe()
		results := make(chan served, 1)
		go func() { results <- serve(far, AcceptOptions{Encryption: test.server, Identity: id}) }()

		prologue := []byte("AteDB greeting v1\x00")
		var e *pqnoise.PrivateKey
		say := func(offer int) {
			m := &wirepb.ClientHello{Version: 1, Nonce: nonce, Offer: uint32(offer)}
			if offer > 0 {
				e, _ = pqnoise.Level(offer).KEM().GenerateKey()
				m.KeyShare = e.Public()
			}
			message := clientHello(t, m)
			prologue = append(prologue, message...)
			near.Write(message)
		}
		say(test.offer)
		message, hello := readWhole(t, near)
		if test.name == "asked again" {
			if len(hello.Handshake) > 0 || hello.Encryption != 256 {
				t.Fatalf("%+v", hello)
			}
			prologue = append(prologue, message...)
			say(256)
			message, hello = readWhole(t, near)
		}
		nc := near
		var binding [32]byte
		if test.server == 0 {
			claimed, err := identity.Parse(hello.Identity)
			if err != nil || claimed.Fingerprint() != fingerprint {
				t.Errorf("%s: %v", test.name, err)
			}
			binding = sha256.Sum256(bytes.Join([][]byte{[]byte("AteDB binding clear v1\x00"), nonce, hello.Nonce, fingerprint[:]}, nil))
		} else {
			field := append([]byte{0x2a}, protowire.AppendVarint(nil, uint64(len(hello.Handshake)))...)
			end := len(message) - len(hello.Handshake) - len(field)
			if !bytes.Equal(message[end:end+len(field)], field) || len(hello.Identity) > 0 {
				t.Fatalf("%s: the handshake is not the last field", test.name)
			}
			prologue = append(prologue, message[4:end]...)
			i, err := pqnoise.Initiate(pqnoise.Level(test.server), prologue, e, hello.Handshake)
			if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			message3, session, err := i.Finish()
			if err != nil {
				t.Fatal(err)
			}
			near.Write(message3)
			nc = pqnoise.NewConn(near, session)
			binding = sha256.Sum256(bytes.Join([][]byte{[]byte("AteDB binding encrypted v1\x00"), session.Hash[:], fingerprint[:]}, nil))
		}
		open, err := (&wirepb.Open{Name: testName}).MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		nc.Write(whole(2, open))
		go io.Copy(io.Discard, nc)
		there := <-results
		if there.err != nil || there.opened.GetName() != testName || there.greeting.Binding != binding {
			t.Errorf("%s: opened %q, %v", test.name, there.opened.GetName(), there.err)
		}
		near.Close()
	}
}
