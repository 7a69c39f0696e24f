package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// script is a connection whose peer says what it was going to, whatever it
// hears.
type script struct {
	net.Conn
	r *bytes.Reader
}

func (s script) Read(p []byte) (int, error)       { return s.r.Read(p) }
func (s script) Write(p []byte) (int, error)      { return len(p), nil }
func (s script) SetDeadline(time.Time) error      { return nil }
func (s script) SetWriteDeadline(time.Time) error { return nil }

func known(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Code != fault.Internal || err == io.EOF || err == io.ErrUnexpectedEOF
}

// Whatever a client says, the server greets it in clear text, or refuses it; no
// bytes made up without the server's answer finish a handshake.
func FuzzAccept(f *testing.F) {
	id := newIdentity(f)
	f.Add(clientHello(f, &wirepb.ClientHello{}), uint8(0))
	f.Add(append(clientHello(f, &wirepb.ClientHello{Encryption: 128}), make([]byte, 1152)...), uint8(1))
	f.Add(append(clientHello(f, &wirepb.ClientHello{Offer: 128}), clientHello(f, &wirepb.ClientHello{Offer: 256})...), uint8(3))
	f.Fuzz(func(t *testing.T, raw []byte, which uint8) {
		level := []int{0, 128, 192, 256}[which%4]
		conn, greeting, err := Accept(script{r: bytes.NewReader(raw)}, AcceptOptions{Encryption: level, Identity: id})
		if conn == nil || err != nil && !known(err) || err == nil && greeting.Server.Encryption != 0 {
			t.Fatalf("%+v, %v", greeting, err)
		}
		if len(greeting.Agent) > MaxAgent {
			t.Fatal("a long agent")
		}
	})
}

// Whatever a server says, a client that demands encryption does not greet it
// without having seen the server's answer to its own fresh key.
func FuzzDial(f *testing.F) {
	id := newIdentity(f)
	nonce := bytes.Repeat([]byte{1}, nonceSize)
	for _, m := range []*wirepb.ServerHello{
		{Version: 1, Nonce: nonce, Identity: id.Public().Encode()},
		{Version: 1, Nonce: nonce, Encryption: 128, Handshake: make([]byte, 3000)},
		{Version: 1, Nonce: nonce, Encryption: 256},
	} {
		payload, err := m.MarshalVT()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(whole(129, payload), uint8(0))
	}
	f.Add(whole(139, []byte{10, 1, 'x'}), uint8(1))
	f.Fuzz(func(t *testing.T, raw []byte, which uint8) {
		least := []int{0, 128, 192, 256}[which%4]
		d := dialer{nc: script{r: bytes.NewReader(raw)}, o: DialOptions{MinEncryption: least, Offer: true}, prologue: newTranscript()}
		_, greeting, err := d.greet()
		var f *fault.Error
		if err != nil && !known(err) && !(errors.As(err, &f) && Type(raw[4]) == Bye) {
			t.Fatal(err)
		}
		if err == nil && (least > 0 || greeting.Server.Encryption != 0 || greeting.Server.Proven) {
			t.Fatalf("%+v", greeting)
		}
	})
}
