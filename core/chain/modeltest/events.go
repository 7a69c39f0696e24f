package modeltest

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/atedb/atedb/core/chain"
	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/evidence"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

// Sizes of the model.
const (
	signers = 60  // key pairs
	objects = 500 // keys of objects
)

// signer is a client with a key.
type signer struct {
	key    *keys.SigningKey
	writer evidence.Writer
	number uint64 // of the last seal
}

func newSigners() (all []*signer, err error) {
	for i := range signers {
		key, err := keys.SigningKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, keys.SigningSeedSize))
		if err != nil {
			return nil, err
		}
		all = append(all, &signer{key: key, writer: evidence.Writer{byte(i)}})
	}
	return all, nil
}

func (s *signer) id() event.Hash { return s.key.Public().ID() }

// seal seals a commit with the signer's next number.
func (s *signer) seal(id event.ChainID, c *commit, head merkle.Head) {
	s.number++
	c.Evidence = evidence.SignSeal(s.key, id, c.leaves, s.writer, s.number, head)
}

// commit is a commit and what the oracle is to make of it.
type commit struct {
	chain.Commit
	first  event.Seq // of its events, once it is stored
	seen   event.Seq // size of the head that its seal builds on
	leaves []event.Hash
	events []written
}

// written is an event of a commit.
type written struct {
	header event.Header
	data   string
}

func (c *commit) add(id event.ChainID, h event.Header, data string) {
	header, err := h.Encode()
	if err != nil {
		panic(err)
	}
	c.Frames = event.AppendFrame(c.Frames, header, []byte(data))
	c.Count++
	c.leaves = append(c.leaves, event.LeafHash(id, header, []byte(data)))
	c.events = append(c.events, written{h, data})
}

// signer picks who commits, more often than not one who may write at the top.
func (m *model) signer() *signer {
	if m.root.Kind != event.WriteAnyOf || m.oneIn(5) {
		return m.anyone()
	}
	id := m.root.Keys[m.r.IntN(len(m.root.Keys))]
	return m.signers[slices.IndexFunc(m.signers, func(s *signer) bool { return s.id() == id })]
}

// event makes up an event. Its data is encrypted as it has to be.
func (m *model) event() (h event.Header, data string) {
	h.Key = []byte(m.key())
	if !m.oneIn(8) {
		data = fmt.Sprint("value ", m.r.Uint32())
	}
	switch n := m.r.IntN(100); {
	case n < 6:
		h.Tombstone, h.Erase = true, m.oneIn(2)
		return h, ""
	case n < 9:
		h.Parent.Key = []byte(m.key())
	case n < 10:
		h.Parent.Top = true
	case n < 11:
		h.Write = m.writeAuthority()
	case n < 12:
		h.Read = m.readAuthority()
	case n < 13: // all at once
		h.Parent.Key, h.Write, h.Read = []byte(m.key()), m.writeAuthority(), m.readAuthority()
	case n < 14:
		h.Keys = [][]byte{m.anyone().key.Public().Bytes()}
	case m.oneIn(300):
		return m.rotation(), ""
	}
	if read := m.readersAfter(applied(m.objects[string(h.Key)], &h)); read.Kind == event.ReadByKey {
		h.Encryption = event.Encryption{Key: read.Key, Generation: read.Generation}
	}
	return h, data
}

// rotation is an event that gives the chain's top to other keys.
func (m *model) rotation() event.Header {
	root := event.Header{Key: []byte(authority.RootKey), Write: m.anyOf()}
	for _, s := range m.signers[:4] {
		if slices.Contains(root.Write.Keys, s.id()) {
			root.Keys = append(root.Keys, s.key.Public().Bytes())
		}
	}
	return root
}

func (m *model) key() string { return fmt.Sprint("object ", m.r.IntN(objects)) }

func (m *model) anyone() *signer { return m.signers[m.r.IntN(len(m.signers))] }

// anyOf is the authority of a few keys, of which one writes most of the time.
func (m *model) anyOf() event.WriteAuthority {
	w := event.WriteAuthority{Kind: event.WriteAnyOf, Keys: []event.Hash{m.signers[m.r.IntN(4)].id()}}
	for range m.r.IntN(3) {
		w.Keys = append(w.Keys, m.anyone().id())
	}
	return w
}

func (m *model) writeAuthority() event.WriteAuthority {
	switch m.r.IntN(8) {
	case 0:
		return event.WriteAuthority{Kind: event.WriteEveryone}
	case 1:
		return event.WriteAuthority{Kind: event.WriteNobody}
	case 2, 3:
		return event.WriteAuthority{Kind: event.WriteInherit}
	}
	return m.anyOf()
}

func (m *model) readAuthority() event.ReadAuthority {
	switch m.r.IntN(4) {
	case 0:
		return event.ReadAuthority{Kind: event.ReadEveryone}
	case 1:
		return event.ReadAuthority{Kind: event.ReadInherit}
	}
	return event.ReadAuthority{Kind: event.ReadByKey, Key: event.Hash{byte(1 + m.r.IntN(2))}, Generation: uint32(m.r.IntN(3))}
}
