package authservertest

import (
	"context"
	"time"

	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/checkpoint"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/merkle"
)

// log is a chain in memory.
type log struct {
	id     event.ChainID
	leaves []event.Hash
	tree   *merkle.Tree
	newest map[string]entry // by object
}

// entry is an event of a log.
type entry struct {
	seq   uint64
	frame []byte
}

// newLog makes a log with its genesis.
func newLog(owner *identity.Private) *log {
	genesis := event.NewGenesis(authserver.LogName, event.Centralized, [][]byte{owner.Signing().Public().Bytes()})
	frame, id, err := genesis.Frame()
	if err != nil {
		panic(err) // a valid name always has a frame
	}
	l := &log{id: id, tree: merkle.New(&merkle.MemoryBundles{}), newest: make(map[string]entry)}
	first, _, err := event.CutFrame(frame)
	if err != nil {
		panic(err)
	}
	l.grow(first.Leaf(id))
	return l
}

func (l *log) grow(leaf event.Hash) {
	l.leaves = append(l.leaves, leaf)
	l.tree.Append(leaf)
}

// put appends an event that gives an object a value.
func (l *log) put(key, data []byte) {
	header, err := (&event.Header{Key: key, Time: time.Now()}).Encode()
	if err != nil {
		panic(err)
	}
	frame := event.AppendFrame(nil, header, data)
	l.newest[string(key)] = entry{uint64(len(l.leaves)), frame}
	l.grow(event.LeafHash(l.id, header, data))
}

// follow appends that a statement with a number takes another one's place, which
// is kept.
func (l *log) follow(key []byte, number uint64, before, next account.Signed) {
	l.put(authserver.EarlierKey(key, number-1), before.Encode())
	l.put(key, next.Encode())
}

// copy returns a log that goes on alone.
func (l *log) copy() *log {
	c := &log{id: l.id, tree: merkle.New(&merkle.MemoryBundles{}), newest: make(map[string]entry)}
	for _, leaf := range l.leaves {
		c.grow(leaf)
	}
	for key, e := range l.newest {
		c.newest[key] = e
	}
	return c
}

// look answers a Look of an object.
func (l *log) look(signer *identity.Private, key []byte, m *authserverpb.Look) *authserverpb.Found {
	head := l.tree.Head()
	note, err := checkpoint.Sign(signer.Signing(), signer.Public().Fingerprint().String(), l.id, head)
	if err != nil {
		panic(err)
	}
	found := &authserverpb.Found{ChainId: l.id[:], Checkpoint: note}
	if m.KnownSize > 0 && m.KnownSize < head.Size {
		found.Consistency = proof(l.tree.ProveConsistency(context.Background(), m.KnownSize, head.Size))
	}
	if e, ok := l.newest[string(key)]; ok {
		found.Frame, found.Seq = e.frame, e.seq
		found.Inclusion = proof(l.tree.ProveInclusion(context.Background(), e.seq, head.Size))
	}
	for m.From > 0 && len(found.Earlier) < authserver.MaxEarlier {
		e, ok := l.newest[string(authserver.EarlierKey(key, m.From+uint64(len(found.Earlier))))]
		if !ok {
			break
		}
		found.Earlier = append(found.Earlier, &authserverpb.Earlier{
			Frame: e.frame, Seq: e.seq, Inclusion: proof(l.tree.ProveInclusion(context.Background(), e.seq, head.Size)),
		})
	}
	return found
}

func proof(hashes []event.Hash, err error) [][]byte {
	if err != nil {
		panic(err) // the tree is in memory, and the sizes are its own
	}
	raw := make([][]byte, len(hashes))
	for i := range hashes {
		raw[i] = hashes[i][:]
	}
	return raw
}

// dataOf returns the data of an entry's event.
func dataOf(e entry) []byte {
	frame, _, err := event.CutFrame(e.frame)
	if err != nil {
		panic(err) // the log has made it
	}
	return frame.Data
}
