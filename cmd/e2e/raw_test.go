package e2e

import (
	"crypto/rand"
	"testing"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// rawClient speaks the protocol message by message, so that it can say what no
// client says.
type rawClient struct {
	t       *testing.T
	conn    *wire.Conn
	binding []byte
	opened  wirepb.Opened
	chain   event.ChainID
}

// dialRawClient opens a chain, which it makes for an owner's key.
func dialRawClient(t *testing.T, url string, encryption int, owner *keys.SigningKey) *rawClient {
	t.Helper()
	u, err := chainname.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	conn, greeting, err := wire.Dial(testContext(t), u, wire.DialOptions{MinEncryption: encryption})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetLimit(wire.MaxMessage)
	r := &rawClient{t: t, conn: conn, binding: greeting.Binding[:]}
	r.ask(wire.Open, &wirepb.Open{Name: u.Name.String(), Create: true, RootKeys: [][]byte{owner.Public().Bytes()}}, wire.Opened, &r.opened)
	copy(r.chain[:], r.opened.ChainId)
	return r
}

// ask sends a message and receives its answer.
func (r *rawClient) ask(t wire.Type, question stream.Message, want wire.Type, answer interface{ UnmarshalVTUnsafe([]byte) error }) {
	r.t.Helper()
	r.conn.Queue(t, question)
	if err := r.conn.Flush(); err != nil {
		r.t.Fatal(err)
	}
	got, payload, err := r.conn.Receive()
	if err != nil || got != want {
		r.t.Fatalf("type %d is answered with type %d, %v; want %d", t, got, err, want)
	}
	if err := stream.Unmarshal(got, payload, answer); err != nil {
		r.t.Fatal(err)
	}
}

// prove returns the code with which a proof is answered, "" if it is believed.
func (r *rawClient) prove(key keys.PublicKey, proof []byte) fault.Code {
	r.t.Helper()
	var m wirepb.Proven
	r.ask(wire.Prove, &wirepb.Prove{PublicKey: key.Bytes(), Proof: proof}, wire.Proven, &m)
	return fault.Code(m.Code)
}

// commit returns the code with which a commit is refused, "" if it is stored.
func (r *rawClient) commit(count int, frames, evidence []byte) fault.Code {
	r.t.Helper()
	m := &wirepb.Commit{Id: make([]byte, 16), Count: uint32(count), Frames: frames, Evidence: evidence}
	rand.Read(m.Id)
	r.conn.Queue(wire.Commit, m)
	if err := r.conn.Flush(); err != nil {
		r.t.Fatal(err)
	}
	t, payload, err := r.conn.Receive()
	if err != nil {
		r.t.Fatal(err)
	}
	switch t {
	case wire.Committed:
		return ""
	case wire.Rejected:
		var rejected wirepb.Rejected
		if err := stream.Unmarshal(t, payload, &rejected); err != nil {
			r.t.Fatal(err)
		}
		if rejected.Reason == "" {
			r.t.Errorf("a refusal %s says nothing", rejected.Code)
		}
		return fault.Code(rejected.Code)
	}
	r.t.Fatalf("a commit is answered with type %d", t)
	return ""
}

// head returns the chain's head when it was opened.
func (r *rawClient) head() merkle.Head {
	r.t.Helper()
	head, err := merkle.HeadOf(r.opened.Head)
	if err != nil {
		r.t.Fatal(err)
	}
	return head
}

// frames encodes events.
func frames(t *testing.T, events ...event.Header) (b []byte) {
	t.Helper()
	for _, h := range events {
		header, err := h.Encode()
		if err != nil {
			t.Fatal(err)
		}
		b = event.AppendFrame(b, header, []byte("data"))
	}
	return b
}

// leaves returns the leaf hashes of encoded events.
func leaves(t *testing.T, chain event.ChainID, frames []byte) (all []event.Hash) {
	t.Helper()
	for len(frames) > 0 {
		f, rest, err := event.CutFrame(frames)
		if err != nil {
			t.Fatal(err)
		}
		all, frames = append(all, f.Leaf(chain)), rest
	}
	return all
}
