package pqnoise

import "github.com/atedb/atedb/sdk/fault"

// MaxMessage is the most bytes of a message of the handshake.
const MaxMessage = 8 << 10

// Session is the outcome of a handshake, for one [NewConn].
type Session struct {
	Hash [hashSize]byte // of the whole handshake: the same on both sides, and no other handshake's

	level         Level
	send, receive [secretSize]byte
}

// String hides the keys.
func (s *Session) String() string { return "encrypted session" }

// GoString hides the keys.
func (s *Session) GoString() string { return s.String() }

// encapsulator makes shared secrets: KEM.encapsulate, or what a test has.
type encapsulator func(KEM, []byte) (ciphertext, shared []byte, err error)

// Initiator is the client's side, between the second message and the third.
type Initiator struct {
	level       Level
	state       *symmetricState
	static      []byte
	payload     []byte
	encapsulate encapsulator
}

// Initiate takes the server's message. e is the ephemeral key whose public key
// the first message was; it must be of the level's mechanism and serve for one
// handshake alone. Every failure is the same bad_message fault.
func Initiate(level Level, prologue []byte, e *PrivateKey, message2 []byte) (*Initiator, error) {
	if e.kem != level.KEM() || len(message2) < level.message2Size() || len(message2) > MaxMessage {
		return nil, errHandshake
	}
	s := begin(level, prologue, e.public)
	ct, rest := cut(message2, level.KEM().ciphertextSize())
	shared, err := e.decapsulate(ct)
	if err != nil {
		return nil, err
	}
	s.mixHash(ct)
	s.mixKey(shared)
	sealed, rest := cut(rest, level.KEM().PublicKeySize()+tagSize)
	static, err := s.decryptAndHash(sealed)
	if err != nil {
		return nil, err
	}
	payload, err := s.decryptAndHash(rest)
	if err != nil {
		return nil, err
	}
	return &Initiator{level: level, state: s, static: static, payload: payload, encapsulate: KEM.encapsulate}, nil
}

// Static returns the server's public key. That the server holds the private
// one is certain only once a frame of its has been opened.
func (i *Initiator) Static() []byte { return i.static }

// Payload returns what the server's message carried, which is as certain as
// Static.
func (i *Initiator) Payload() []byte { return i.payload }

// Finish returns the third message and the session. It may be called once.
func (i *Initiator) Finish() (message3 []byte, _ *Session, err error) {
	ct, shared, err := i.encapsulate(i.level.KEM(), i.static)
	if err != nil {
		return nil, nil, err
	}
	message3 = make([]byte, 0, i.level.Message3Size())
	message3 = i.state.encryptAndHash(message3, ct)
	i.state.mixKeyAndHash(shared)
	message3 = i.state.encryptAndHash(message3, nil)
	hash, send, receive := i.state.split()
	return message3, &Session{Hash: hash, level: i.level, send: send, receive: receive}, nil
}

// Responder is the server's side, between the second message and the third.
type Responder struct {
	level  Level
	state  *symmetricState
	static *PrivateKey
}

// Respond takes the client's first message and returns the answer, which
// carries the server's public key and payload.
func Respond(level Level, prologue, message1 []byte, static *PrivateKey, payload []byte) (message2 []byte, _ *Responder, err error) {
	return respond(level, prologue, message1, static, payload, KEM.encapsulate)
}

func respond(level Level, prologue, message1 []byte, static *PrivateKey, payload []byte, encapsulate encapsulator) ([]byte, *Responder, error) {
	if static.kem != level.KEM() {
		return nil, nil, fault.New(fault.Internal, "a key of %s cannot serve the level %d", static.kem, level)
	}
	size := level.message2Size() + len(payload)
	if size > MaxMessage {
		return nil, nil, fault.New(fault.TooLarge, "a handshake message of %d bytes; at most %d are allowed", size, MaxMessage)
	}
	ct, shared, err := encapsulate(level.KEM(), message1)
	if err != nil {
		return nil, nil, err
	}
	s := begin(level, prologue, message1)
	message2 := append(make([]byte, 0, size), ct...)
	s.mixHash(ct)
	s.mixKey(shared)
	message2 = s.encryptAndHash(message2, static.public)
	message2 = s.encryptAndHash(message2, payload)
	return message2, &Responder{level: level, state: s, static: static}, nil
}

// Finish takes the client's third message. It may be called once.
func (r *Responder) Finish(message3 []byte) (*Session, error) {
	if len(message3) != r.level.Message3Size() {
		return nil, errHandshake
	}
	sealed, tag := cut(message3, len(message3)-tagSize)
	ct, err := r.state.decryptAndHash(sealed)
	if err != nil {
		return nil, err
	}
	shared, err := r.static.decapsulate(ct)
	if err != nil {
		return nil, err
	}
	r.state.mixKeyAndHash(shared)
	if _, err := r.state.decryptAndHash(tag); err != nil {
		return nil, err
	}
	hash, receive, send := r.state.split()
	return &Session{Hash: hash, level: r.level, send: send, receive: receive}, nil
}

// begin is what both sides do with the first message, whose payload is empty.
func begin(level Level, prologue, message1 []byte) *symmetricState {
	s := newSymmetricState(level.protocol(), prologue)
	s.mixHash(message1)
	s.encryptAndHash(nil, nil)
	return s
}

func cut(b []byte, n int) (head, tail []byte) { return b[:n:n], b[n:] }
