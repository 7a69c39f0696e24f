package wire

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// rewriteClient and rewriteServer change one hello of a relayed greeting, the
// n-th that its side says, and keep its frame right.
func rewriteClient(n int, change func(*wirepb.ClientHello)) func(bool, []byte) []byte {
	return func(toServer bool, b []byte) []byte {
		if !toServer || len(b) < helloHeader || Type(b[4]) != ClientHello {
			return b
		}
		if n--; n != 0 {
			return b
		}
		var m wirepb.ClientHello
		if m.UnmarshalVT(b[helloHeader:]) == nil {
			change(&m)
			payload, _ := m.MarshalVT()
			b = appendMessage(nil, ClientHello, payload)
		}
		return b
	}
}

func rewriteServer(n int, change func(*wirepb.ServerHello)) func(bool, []byte) []byte {
	return func(toServer bool, b []byte) []byte {
		if toServer || len(b) < helloHeader || Type(b[4]) != ServerHello || int(binary.LittleEndian.Uint32(b)) != len(b)-4 {
			return b
		}
		if n--; n != 0 {
			return b
		}
		var m wirepb.ServerHello
		if m.UnmarshalVT(b[helloHeader:]) == nil {
			change(&m)
			payload, _ := m.MarshalVT()
			b = appendMessage(nil, ServerHello, payload)
		}
		return b
	}
}

// Attack: a man in the middle changes what either hello says, to get less
// encryption or none. Only a client that accepts none can be brought to that.
func TestDowngrade(t *testing.T) {
	id := newIdentity(t)
	ownShare := func(level pqnoise.Level) []byte {
		e, err := level.KEM().GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		return e.Public()
	}
	for _, test := range []struct {
		name          string
		server, least int
		attack        func(bool, []byte) []byte
	}{
		{"the client's demand lowered", 128, 192, rewriteClient(1, func(m *wirepb.ClientHello) { m.Encryption = 128 })},
		{"the client's demand taken out", 128, 192, rewriteClient(1, func(m *wirepb.ClientHello) { m.Encryption = 0 })},
		{"the client's demand and offer taken out", 0, 128, rewriteClient(1, func(m *wirepb.ClientHello) { m.Encryption, m.Offer, m.KeyShare = 0, 0, nil })},
		{"the client's 256 made 128", 128, 256, rewriteClient(1, func(m *wirepb.ClientHello) { m.Encryption, m.Offer, m.KeyShare = 128, 128, ownShare(128) })},
		{"another share", 128, 128, rewriteClient(1, func(m *wirepb.ClientHello) { m.KeyShare = ownShare(128) })},
		{"another agent", 128, 128, rewriteClient(1, func(m *wirepb.ClientHello) { m.Agent = "other" })},
		{"another nonce", 128, 128, rewriteClient(1, func(m *wirepb.ClientHello) { m.Nonce[0] ^= 1 })},
		{"the server's level lowered", 192, 128, rewriteServer(1, func(m *wirepb.ServerHello) { m.Encryption = 128 })},
		{"the server's level raised", 128, 128, rewriteServer(1, func(m *wirepb.ServerHello) { m.Encryption = 192 })},
		{"the server made not to encrypt", 128, 128, rewriteServer(1, func(m *wirepb.ServerHello) { m.Encryption, m.Handshake, m.Identity = 0, nil, id.Public().Encode() })},
		{"the server made to ask again", 128, 128, rewriteServer(1, func(m *wirepb.ServerHello) { m.Encryption, m.Handshake = 256, nil })},
		{"the server made to ask again for the same", 128, 128, rewriteServer(1, func(m *wirepb.ServerHello) { m.Handshake = nil })},
		{"the handshake cut", 128, 128, rewriteServer(1, func(m *wirepb.ServerHello) { m.Handshake = m.Handshake[:len(m.Handshake)-1] })},
		{"a field after the handshake", 128, 128, rewriteServer(1, func(m *wirepb.ServerHello) { m.Identity = []byte{1} })},
		{"the level asked for lowered", 256, 128, rewriteServer(1, func(m *wirepb.ServerHello) { m.Encryption = 192 })},
		{"the second answer lowered", 256, 128, rewriteServer(2, func(m *wirepb.ServerHello) { m.Encryption = 128 })},
		{"the second answer in clear text", 256, 128, rewriteServer(2, func(m *wirepb.ServerHello) { m.Encryption, m.Handshake = 0, nil })},
		{"the second answer without a handshake", 256, 128, rewriteServer(2, func(m *wirepb.ServerHello) { m.Handshake = nil })},
		{"the second demand changed", 256, 128, rewriteClient(2, func(m *wirepb.ClientHello) { m.Encryption = 192 })},
		{"the second offer lowered", 256, 128, rewriteClient(2, func(m *wirepb.ClientHello) { m.Offer, m.KeyShare = 128, ownShare(128) })},
		{"the second nonce changed", 256, 128, rewriteClient(2, func(m *wirepb.ClientHello) { m.Nonce[0] ^= 1 })},
	} {
		s := AcceptOptions{Encryption: test.server, Identity: id, Deadline: time.Now().Add(400 * time.Millisecond)}
		meet(t, DialOptions{MinEncryption: test.least}, s, test.attack).failed(t, test.name)
	}
	m := meet(t, DialOptions{MinEncryption: 128}, AcceptOptions{Encryption: 256, Identity: id}, rewriteServer(3, nil))
	if m.client != nil || m.server.err != nil {
		t.Errorf("without an attack: client %v, server %v", m.client, m.server.err)
	}
}

// A client says what it demands and what the server offered instead.
func TestMinimumNotMet(t *testing.T) {
	for level, want := range map[uint32]string{
		0:   "test offers no wire encryption, and this client accepts no less than 192 bit; if the server should not encrypt, say so with --no-wire-encryption",
		128: "test offers 128 bit wire encryption, and this client accepts no less than 192 bit",
	} {
		s := AcceptOptions{Identity: newIdentity(t)}
		m := meet(t, DialOptions{MinEncryption: 192}, s, rewriteServer(1, func(m *wirepb.ServerHello) {
			if m.Encryption = level; level == 0 {
				m.Handshake = nil
			}
		}))
		if !fault.Is(m.client, fault.WrongServer) || fault.From(m.client).Reason != want {
			t.Errorf("%d: %v", level, m.client)
		}
	}
}
