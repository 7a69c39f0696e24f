package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"io"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

const (
	helloHeader = 5  // of a message: its length and type
	nonceSize   = 32 // of the nonce in a hello
)

// Server is who a server is.
type Server struct {
	Fingerprint identity.Fingerprint // zero if it has no identity
	Signing     []byte               // the key that it signs checkpoints with, encoded as package keys says; nil if it has no identity
	Encryption  int                  // of this connection: 0, 128, 192 or 256
	// Proven says that the connection is encrypted to this identity: nobody
	// else can read what is sent, nor send what is received. Without, it is
	// what somebody said in clear text.
	Proven bool
}

// Greeting is the outcome of a connection's beginning.
type Greeting struct {
	Server  Server
	Agent   string            // the peer's software, as it said; at most MaxAgent bytes
	Binding [sha256.Size]byte // stands for this connection in what is signed for it; the same on both sides, and no other connection's
}

// readMessage reads exactly one message of at most MaxHello bytes, and returns
// all of it: length, type and payload.
func readMessage(r io.Reader) ([]byte, error) {
	var header [helloHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(header[:])
	if n < 1 {
		return nil, fault.New(fault.BadMessage, "a message has no type")
	}
	if n > MaxHello {
		return nil, fault.New(fault.TooLarge, "a message is %d bytes long; at most %d are allowed here", n, MaxHello)
	}
	b := make([]byte, 4+int(n))
	copy(b, header[:])
	if _, err := io.ReadFull(r, b[helloHeader:]); err != nil {
		return nil, unexpected(err)
	}
	return b, nil
}

// appendMessage appends a message with a marshalled payload.
func appendMessage(b []byte, t Type, payload []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(1+len(payload)))
	return append(append(b, byte(t)), payload...)
}

// transcript is the prologue of the encryption handshake: every hello in the
// order in which they were said.
type transcript []byte

func newTranscript() transcript { return transcript(prologueLabel) }

const prologueLabel = "AteDB greeting v1\x00"

// add appends a whole message.
func (t *transcript) add(message []byte) { *t = append(*t, message...) }

// addCut appends the type and the payload of the ServerHello that the handshake
// goes with, up to its handshake field.
func (t *transcript) addCut(payload []byte) {
	*t = append(append(*t, byte(ServerHello)), payload...)
}

// handshakeField returns the bytes of ServerHello's field of that name, which
// are its last.
func handshakeField(handshake []byte) []byte {
	const number = 5
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), handshake)
}

// Labels of the two kinds of binding.
const (
	bindingEncrypted = "AteDB binding encrypted v1\x00"
	bindingClear     = "AteDB binding clear v1\x00"
)

func encryptedBinding(s *pqnoise.Session, f identity.Fingerprint) [sha256.Size]byte {
	b := append([]byte(bindingEncrypted), s.Hash[:]...)
	return sha256.Sum256(append(b, f[:]...))
}

func clearBinding(client, server []byte, f identity.Fingerprint) [sha256.Size]byte {
	b := append([]byte(bindingClear), client...)
	b = append(b, server...)
	return sha256.Sum256(append(b, f[:]...))
}

// offerFor returns what a ClientHello offers so that a level is possible: the
// lowest level of the same mechanism.
func offerFor(level int) int {
	if level == 256 {
		return 256
	}
	return 128
}

// isLevel reports whether n is 0, for clear text, or a level of encryption.
func isLevel(n uint32) bool {
	_, err := pqnoise.ParseLevel(int(n))
	return n == 0 || err == nil
}

func checkNonce(nonce []byte) error {
	if len(nonce) != nonceSize {
		return fault.New(fault.BadMessage, "a hello has a nonce of %d bytes; it must have %d", len(nonce), nonceSize)
	}
	return nil
}

// parseClientHello decodes the message that a server receives first.
func parseClientHello(message []byte) (*wirepb.ClientHello, error) {
	if t := Type(message[4]); t != ClientHello {
		return nil, fault.New(fault.BadMessage, "the first message has type %d; it must be ClientHello, type %d", t, ClientHello)
	}
	hello := new(wirepb.ClientHello)
	if err := stream.Unmarshal(ClientHello, message[helloHeader:], hello); err != nil {
		return nil, err
	}
	if hello.Version < Version {
		return nil, fault.New(fault.Unsupported, "the client speaks protocol version %d; this server speaks %d", hello.Version, Version)
	}
	offers := hello.Offer == 128 || hello.Offer == 256
	if !isLevel(hello.Encryption) || offers != (len(hello.KeyShare) > 0) || hello.Offer != 0 && !offers || hello.Encryption > 0 && !offers {
		return nil, fault.New(fault.BadMessage, "the client's hello demands %d and offers %d bit wire encryption with a share of %d bytes, which do not go together", hello.Encryption, hello.Offer, len(hello.KeyShare))
	}
	return hello, checkNonce(hello.Nonce)
}

// parseServerHello decodes the answer that a client receives. A Bye instead is
// a fault of its code.
func parseServerHello(message []byte) (*wirepb.ServerHello, error) {
	t, payload := Type(message[4]), message[helloHeader:]
	switch t {
	case Bye:
		var bye wirepb.Bye
		if err := stream.Unmarshal(t, payload, &bye); err != nil {
			return nil, err
		}
		return nil, AsFault(&bye)
	case ServerHello:
		hello := new(wirepb.ServerHello)
		if err := stream.Unmarshal(t, payload, hello); err != nil {
			return nil, err
		}
		if hello.Version != Version {
			return nil, fault.New(fault.Unsupported, "the server chose protocol version %d; this client speaks %d", hello.Version, Version)
		}
		if !isLevel(hello.Encryption) || hello.Encryption == 0 && len(hello.Handshake) > 0 {
			return nil, fault.New(fault.BadMessage, "the server chose %d bit wire encryption with a handshake of %d bytes", hello.Encryption, len(hello.Handshake))
		}
		return hello, checkNonce(hello.Nonce)
	}
	return nil, fault.New(fault.BadMessage, "the server answered the hello with a message of type %d", t)
}

func clipAgent(agent string) string { return agent[:min(len(agent), MaxAgent)] }
