package client_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/client"
	"github.com/atedb/atedb/sdk/client/clienttest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

const secret = "the secret that no server may see"

// tapped starts a server that keeps all that it receives.
func tapped(t *testing.T, trust event.Trust) (s *clienttest.Server, received func() []byte) {
	s = start(t, clienttest.Options{Trust: trust, Judge: true})
	var mu sync.Mutex
	var all []byte
	s.SetFaults(clienttest.Faults{Received: func(_ wire.Type, payload []byte) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, payload...)
	}})
	return s, func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Clone(all)
	}
}

func member(readers ...*keys.ReadKey) client.Options {
	o := signedBy(owner)
	o.Readers = readers
	return o
}

func share(t *testing.T, c *client.Client, e client.Event, members ...*keys.ReadKey) {
	t.Helper()
	var public []keys.ReadPublicKey
	for _, key := range members {
		public = append(public, key.Public())
	}
	b, err := c.Share(soon(t), e, public...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(soon(t), b).Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
}

func encrypted(t *testing.T, c *client.Client, e client.Event) client.Event {
	t.Helper()
	if err := c.Encrypt(soon(t), &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// read returns an object's decrypted data.
func read(t *testing.T, c *client.Client, key string) (string, error) {
	t.Helper()
	e, err := c.Get(soon(t), []byte(key))
	if err == nil {
		err = c.Decrypt(soon(t), &e)
	}
	return string(e.Data), err
}

func wantRead(t *testing.T, c *client.Client, key, want string) {
	t.Helper()
	if got, err := read(t, c, key); err != nil || got != want {
		t.Errorf("%s is %q, %v; want %q", key, got, err, want)
	}
}

func childOf(key, parent, data string) client.Event {
	e := put(key, data)
	e.Header.Parent.Key = []byte(parent)
	return e
}

// TestSecrecy: what is shared, and what stands under it, is read by its members
// alone; who is removed reads nothing that is written from then on, and the
// server is never sent plain data.
func TestSecrecy(t *testing.T) {
	for _, trust := range []event.Trust{event.Centralized, event.Distributed} {
		t.Run(trust.String(), func(t *testing.T) {
			joe, ann, eve := keys.NewReadKey(), keys.NewReadKey(), keys.NewReadKey()
			s, received := tapped(t, trust)
			url := s.URL("tcp", chainName)
			writer := dialWith(t, url, member(joe))
			share(t, writer, put("box", secret), joe, ann)
			commit(t, writer, encrypted(t, writer, childOf("box/1", "box", secret+"1")))
			commit(t, writer, encrypted(t, writer, childOf("box/1/1", "box/1", secret+"2")))
			commit(t, writer, put("public", "for all"))
			reader := dialWith(t, url, member(keys.NewReadKey(), ann))
			outside := dialWith(t, url, member(eve))
			for key, want := range map[string]string{"box": secret, "box/1": secret + "1", "box/1/1": secret + "2", "public": "for all"} {
				wantRead(t, writer, key, want)
				wantRead(t, reader, key, want)
				if key == "public" {
					wantRead(t, outside, key, want)
				} else if _, err := read(t, outside, key); !fault.Is(err, fault.NoReadKey) {
					t.Errorf("an outsider reads %s: %v", key, err)
				}
			}
			err := outside.Encrypt(soon(t), &client.Event{Header: event.Header{Key: []byte("box")}, Data: []byte("x")})
			wantCode(t, err, fault.NoReadKey)

			stale := encrypted(t, reader, childOf("box/2", "box", secret+"3"))
			share(t, writer, put("box", secret+"4"), joe, eve) // ann goes, eve comes
			_, err = reader.Commit(soon(t), stale)
			wantCode(t, err, fault.NotEncrypted)
			_, err = reader.Commit(soon(t), childOf("box/2", "box", "plain, which the server must refuse"))
			wantCode(t, err, fault.NotEncrypted)
			commit(t, writer, encrypted(t, writer, childOf("box/2", "box", secret+"5")))
			wantRead(t, outside, "box", secret+"4")
			wantRead(t, outside, "box/2", secret+"5")
			wantRead(t, reader, "box/1", secret+"1") // which was never taken from ann
			for _, key := range []string{"box", "box/2"} {
				if _, err := read(t, reader, key); !fault.Is(err, fault.NoReadKey) {
					t.Errorf("who was removed reads %s: %v", key, err)
				}
			}
			if bytes.Contains(received(), []byte(secret)) {
				t.Error("the server was sent plain data")
			}
		})
	}
}

// TestMovedUnderASecret: an object that moves to where data is secret is
// encrypted for the place where it goes, before anything is sent.
func TestMovedUnderASecret(t *testing.T) {
	joe := keys.NewReadKey()
	s, received := tapped(t, event.Distributed)
	c := dialWith(t, s.URL("tcp", chainName), member(joe))
	share(t, c, put("box", ""), joe)
	commit(t, c, put("thing", "not secret yet"))
	commit(t, c, encrypted(t, c, childOf("thing", "box", secret)))
	wantRead(t, c, "thing", secret)
	e := childOf("other", "box", secret)
	e.Header.Read.Kind = event.ReadInherit
	commit(t, c, encrypted(t, c, e))
	wantRead(t, c, "other", secret)
	e.Header.Parent.Key = nil
	wantCode(t, c.Encrypt(soon(t), &e), fault.BadRequest)
	if string(e.Data) != secret {
		t.Error("Encrypt changed the data of an event that it refused")
	}
	if bytes.Contains(received(), []byte(secret)) {
		t.Error("the server was sent plain data")
	}
}

// TestServerSaysEveryone: a server that denies that data is to be encrypted is
// believed in centralized trust, as Encrypt says. Where trust is distributed, it
// is not asked.
func TestServerSaysEveryone(t *testing.T) {
	for trust, encrypts := range map[event.Trust]bool{event.Centralized: false, event.Distributed: true} {
		joe := keys.NewReadKey()
		s := start(t, clienttest.Options{Trust: trust, Judge: true})
		url := s.URL("tcp", chainName)
		share(t, dialWith(t, url, member(joe)), put("box", secret), joe)
		s.SetFaults(clienttest.Faults{Send: func(_ int, m stream.Message) {
			if a, ok := m.(*wirepb.AuthorityOf); ok {
				a.Read = (&event.ReadAuthority{Kind: event.ReadEveryone}).Proto()
			}
		}})
		c := dialWith(t, url, member(joe))
		e := encrypted(t, c, put("box", secret))
		if got := string(e.Data) != secret; got != encrypts {
			t.Errorf("%s: encrypted is %v", trust, got)
		}
		s.SetFaults(clienttest.Faults{Send: func(_ int, m stream.Message) {
			if a, ok := m.(*wirepb.AuthorityOf); ok {
				a.Read = nil
			}
		}})
		if e = put("box", secret); !encrypts {
			wantCode(t, c.Encrypt(soon(t), &e), fault.BadMessage)
		}
	}
}
