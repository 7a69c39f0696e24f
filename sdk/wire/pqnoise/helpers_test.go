package pqnoise

import (
	"io"
	"net"
	"testing"
)

// sink is a connection of a reader and a writer.
type sink struct {
	net.Conn
	r io.Reader
	w io.Writer
}

func (s sink) Read(p []byte) (int, error)  { return s.r.Read(p) }
func (s sink) Write(p []byte) (int, error) { return s.w.Write(p) }
func (s sink) CloseWrite() error           { return nil }

// sessions returns both ends of a handshake.
func sessions(t testing.TB, level Level) (client, server *Session) {
	t.Helper()
	e, s := generate(t, level.KEM()), generate(t, level.KEM())
	m2, r, err := Respond(level, nil, e.Public(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	i, err := Initiate(level, nil, e, m2)
	if err != nil {
		t.Fatal(err)
	}
	m3, client, err := i.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if server, err = r.Finish(m3); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func generate(t testing.TB, k KEM) *PrivateKey {
	t.Helper()
	p, err := k.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return p
}
