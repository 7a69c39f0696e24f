package pqnoise

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

const vectorFile = "testdata/vectors.json"

type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// vector is a whole conversation.
type vector struct {
	Level      int      `json:"level"`
	Prologue   hexBytes `json:"prologue"`
	ESeed      hexBytes `json:"e_seed"`                // the client's ephemeral key
	SSeed      hexBytes `json:"s_seed"`                // the server's key
	EkemRandom hexBytes `json:"ekem_random,omitempty"` // what X-Wing encapsulated with
	SkemRandom hexBytes `json:"skem_random,omitempty"`
	Payload    hexBytes `json:"payload"` // of message 2
	Message1   hexBytes `json:"message1"`
	Message2   hexBytes `json:"message2"`
	Message3   hexBytes `json:"message3"`
	Hash       hexBytes `json:"handshake_hash"`
	ClientKey  hexBytes `json:"client_secret"` // Split's, for the client's frames
	ServerKey  hexBytes `json:"server_secret"`
	// What each side wrote: one write a frame, the key changed after every
	// second frame of data.
	ClientWrites []hexBytes `json:"client_writes"`
	ClientStream hexBytes   `json:"client_stream"`
	ServerWrites []hexBytes `json:"server_writes"`
	ServerStream hexBytes   `json:"server_stream"`
}

// vectorLimits change the key after two frames of data.
var vectorLimits = limits{frames: 3, bytes: 1 << 30, age: time.Hour}

// seeded returns bytes that only the vectors use.
func seeded(level, n int, what string) []byte {
	return sha3.SumSHAKE256(fmt.Appendf(nil, "AteDB pqnoise vector %d %s", level, what), n)
}

// newVector makes a conversation with the package itself.
func newVector(t *testing.T, level Level) vector {
	v := vector{
		Level: int(level), Prologue: []byte("the hellos"), Payload: []byte("who the server is"),
		ESeed: seeded(int(level), SeedSize, "e"), SSeed: seeded(int(level), SeedSize, "s"),
		ClientWrites: []hexBytes{[]byte("one"), []byte("two"), []byte("three"), []byte("four"), []byte("five")},
		ServerWrites: []hexBytes{bytes.Repeat([]byte("x"), 300)},
	}
	ekem, skem := KEM.encapsulate, KEM.encapsulate
	if level.KEM() == XWing {
		v.EkemRandom, v.SkemRandom = seeded(int(level), 64, "ekem"), seeded(int(level), 64, "skem")
		ekem = func(k KEM, public []byte) ([]byte, []byte, error) { return k.encapsulateWith(public, v.EkemRandom) }
		skem = func(k KEM, public []byte) ([]byte, []byte, error) { return k.encapsulateWith(public, v.SkemRandom) }
	}
	e, s := key(t, level.KEM(), v.ESeed), key(t, level.KEM(), v.SSeed)
	client, server := runHandshake(t, level, &v, e, s, ekem, skem)
	v.Hash, v.ClientKey, v.ServerKey = client.Hash[:], client.send[:], server.send[:]
	v.ClientStream = written(t, client, v.ClientWrites)
	v.ServerStream = written(t, server, v.ServerWrites)
	return v
}

// runHandshake fills in the vector's messages.
func runHandshake(t *testing.T, level Level, v *vector, e, s *PrivateKey, ekem, skem encapsulator) (client, server *Session) {
	t.Helper()
	v.Message1 = e.Public()
	m2, responder, err := respond(level, v.Prologue, v.Message1, s, v.Payload, ekem)
	if err != nil {
		t.Fatal(err)
	}
	initiator, err := Initiate(level, v.Prologue, e, m2)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(initiator.Static(), s.Public()) || !bytes.Equal(initiator.Payload(), v.Payload) {
		t.Fatal("the client got another key or payload than the server's")
	}
	initiator.encapsulate = skem
	m3, client, err := initiator.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if server, err = responder.Finish(m3); err != nil {
		t.Fatal(err)
	}
	v.Message2, v.Message3 = m2, m3
	return client, server
}

// written returns the stream of a session's writes.
func written(t *testing.T, s *Session, writes []hexBytes) []byte {
	t.Helper()
	var out bytes.Buffer
	c := newConn(sink{w: &out}, s, vectorLimits)
	for _, w := range writes {
		if _, err := c.Write(w); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func key(t testing.TB, k KEM, seed []byte) *PrivateKey {
	t.Helper()
	p, err := k.NewPrivateKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func vectors(t testing.TB) (vs []vector) {
	t.Helper()
	b, err := os.ReadFile(vectorFile)
	if err == nil {
		err = json.Unmarshal(b, &vs)
	}
	if err != nil || len(vs) != 3 {
		t.Fatalf("%d vectors: %v", len(vs), err)
	}
	return vs
}

// updateVectors writes the file, with other random bytes for the level 256.
func updateVectors(t *testing.T) {
	t.Helper()
	var vs []vector
	for _, level := range []Level{Level128, Level192, Level256} {
		vs = append(vs, newVector(t, level))
	}
	b, err := json.MarshalIndent(vs, "", "\t")
	if err == nil {
		err = os.WriteFile(vectorFile, append(b, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The published conversations are what the package comment says, followed by
// an implementation that shares no code with the package.
func TestSecondImplementationFollowsTheVectors(t *testing.T) {
	if *update {
		updateVectors(t)
	}
	for _, v := range vectors(t) {
		o := naiveHandshake(v.Level, v.Prologue, v.ESeed, v.SSeed, v.Message1, v.Message2, v.Message3)
		if !bytes.Equal(o.hash, v.Hash) || !bytes.Equal(o.payload, v.Payload) || !bytes.Equal(o.client, v.ClientKey) || !bytes.Equal(o.server, v.ServerKey) {
			t.Errorf("level %d: the second implementation comes to another end", v.Level)
		}
		got, rekeys := naiveFrames(v.Level, o.client, v.ClientStream)
		if want := join(v.ClientWrites); !bytes.Equal(got, want) || rekeys != 2 {
			t.Errorf("level %d: the client wrote %q with %d changes of key", v.Level, got, rekeys)
		}
		got, rekeys = naiveFrames(v.Level, o.server, v.ServerStream)
		if want := join(v.ServerWrites); !bytes.Equal(got, want) || rekeys != 0 {
			t.Errorf("level %d: the server wrote %q with %d changes of key", v.Level, got, rekeys)
		}
	}
}

// The package says exactly what the vectors do. For the level 256, whose
// encapsulation takes no given randomness, it is handed the vector's.
func TestPackageSpeaksTheVectors(t *testing.T) {
	for _, v := range vectors(t) {
		level := Level(v.Level)
		e, s := key(t, level.KEM(), v.ESeed), key(t, level.KEM(), v.SSeed)
		given := func(ct, random []byte, owner *PrivateKey) encapsulator {
			return func(k KEM, public []byte) ([]byte, []byte, error) {
				if k == XWing {
					return k.encapsulateWith(public, random)
				}
				shared, err := owner.decapsulate(ct)
				return ct, shared, err
			}
		}
		o := v
		o.Message2, o.Message3 = nil, nil
		skem := skemOf(v)
		client, server := runHandshake(t, level, &o, e, s, given(v.Message2[:level.KEM().ciphertextSize()], v.EkemRandom, e), given(skem, v.SkemRandom, s))
		if !bytes.Equal(o.Message1, v.Message1) || !bytes.Equal(o.Message2, v.Message2) || !bytes.Equal(o.Message3, v.Message3) {
			t.Errorf("level %d: the messages differ from the vector's", v.Level)
		}
		if client.Hash != server.Hash || !bytes.Equal(client.Hash[:], v.Hash) {
			t.Errorf("level %d: the hash differs from the vector's", v.Level)
		}
		if !bytes.Equal(written(t, client, v.ClientWrites), v.ClientStream) || !bytes.Equal(written(t, server, v.ServerWrites), v.ServerStream) {
			t.Errorf("level %d: the frames differ from the vector's", v.Level)
		}
		got, err := io.ReadAll(newConn(sink{r: bytes.NewReader(v.ClientStream)}, server, vectorLimits))
		if err != nil || !bytes.Equal(got, join(v.ClientWrites)) {
			t.Errorf("level %d: reading the client's stream: %q, %v", v.Level, got, err)
		}
	}
}

// skemOf decrypts the ciphertext in a vector's message 3.
func skemOf(v vector) []byte {
	level := Level(v.Level)
	size := level.KEM().ciphertextSize()
	e, _ := level.KEM().NewPrivateKey(v.ESeed)
	i, err := Initiate(level, v.Prologue, e, v.Message2)
	if err != nil {
		panic(err)
	}
	return check(i.state.decryptAndHash(v.Message3[:size+tagSize]))
}

func join(parts []hexBytes) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
