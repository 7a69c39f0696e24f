package pqnoise

import (
	"bytes"
	"io"
	"testing"
)

// Whatever bytes come as messages of the handshake, each side either accepts
// what its honest peer made of them or says the one fault.
func FuzzHandshakeMessages(f *testing.F) {
	vs := vectors(f)
	for i, v := range vs {
		f.Add(uint8(i), []byte(v.Message1))
		f.Add(uint8(i), []byte(v.Message2))
		f.Add(uint8(i), []byte(v.Message3))
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		v := vs[int(which)%len(vs)]
		level := Level(v.Level)
		e, s := key(t, level.KEM(), v.ESeed), key(t, level.KEM(), v.SSeed)
		m2, r, err := Respond(level, v.Prologue, b, s, v.Payload)
		if err != nil && err != errHandshake {
			t.Fatal(err)
		}
		if err == nil {
			if len(m2) > MaxMessage {
				t.Fatal("a message that is too long")
			}
			if _, err := r.Finish(b); err != errHandshake {
				t.Fatalf("message 1 as message 3: %v", err)
			}
		}
		if _, err := Initiate(level, v.Prologue, e, b); err != nil && err != errHandshake || err == nil && !bytes.Equal(b, v.Message2) {
			t.Fatalf("message 2: %v", err)
		}
	})
}

// Whatever bytes come as frames, the reader gets the beginning of what the peer
// wrote, and io.EOF only after all of it.
func FuzzFrames(f *testing.F) {
	v := vectors(f)[0]
	f.Add([]byte(v.ClientStream), 7)
	f.Add([]byte(v.ClientStream[:50]), 1)
	f.Add(bytes.Repeat([]byte{0xff}, 100), 100)
	want := join(v.ClientWrites)
	f.Fuzz(func(t *testing.T, raw []byte, size int) {
		s := &Session{level: Level(v.Level), receive: [secretSize]byte(v.ClientKey), send: [secretSize]byte(v.ServerKey)}
		c := NewConn(sink{r: bytes.NewReader(raw)}, s)
		var got []byte
		p := make([]byte, 1+(size&0xff))
		for {
			n, err := c.Read(p)
			got = append(got, p[:n]...)
			if err == io.EOF && !bytes.Equal(got, want) {
				t.Fatalf("the end came after %q", got)
			}
			if err != nil && err != io.EOF && err != errFrame && err != io.ErrUnexpectedEOF {
				t.Fatal(err)
			}
			if err != nil {
				break
			}
		}
		if !bytes.HasPrefix(want, got) {
			t.Fatalf("read %q", got)
		}
	})
}
