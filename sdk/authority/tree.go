package authority

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"github.com/atedb/atedb/sdk/event"
)

// RootKey is the key of the object whose events change who may write at the
// chain's top. Its first event replaces what the genesis says.
const RootKey = event.ReservedPrefix + "root"

// Limits of a tree.
const (
	// MaxDepth is how deep an object may stand; at the top, its depth is 1.
	MaxDepth = 64
	// MaxKeys is how many public keys the events of one chain may introduce.
	MaxKeys = 100_000
)

// Tree is, for one chain: each live object's newest event, where the object
// stands, who may write and read it, and the public keys that the chain knows.
//
// It has a settled and a staged part. One goroutine, the leader, stages: it
// alone calls Judge, Mark, Revert, Discard, Staged and Next. Any goroutine may
// meanwhile read what is settled: Newest, Len, MayWriteTop, Authority and
// AppendSnapshot. Settle and Apply are the leader's too, and exclude those
// readers. PublicKey may be called by anyone at any time.
type Tree struct {
	nonce   [32]byte // the genesis's, which tells chains apart
	objects layered[version]
	extras  layered[extra]
	settled front
	staged  front // settled, with what is staged

	keys *publicKeys
}

// front is the part of the state that is no table.
type front struct {
	root *event.WriteAuthority // in force at the top; immutable
	next event.Seq             // after the last event
}

// version is the seq of an object's newest event, plus 1; 0 if it has no value.
type version uint64

// extra is what an object has that most do not: it has an entry only if there
// is something to say, so that a plain object is small.
type extra struct {
	parent   objectID
	write    *event.WriteAuthority // nil: as the parent's; immutable
	read     *event.ReadAuthority  // nil: as the parent's; immutable
	children uint32                // objects that stand under this one
}

// objectID stands for an object's key: the first 16 bytes of its SHA-256.
//
// An entry is then small, of one size and without a pointer, so a million
// objects cost the garbage collector nothing. It needs no secret: to take over
// somebody's object by a second key with the same id takes 2^128 hashes. Two
// such keys of one's own take 2^64, but whoever makes them has authority over
// both, and wins nothing from their being one object.
type objectID [2]uint64

// top is where objects stand that stand under none. No key has this id.
var top objectID

func idOf(key []byte) objectID {
	sum := sha256.Sum256(key)
	return objectID{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}
}

// New returns the tree of a chain that has nothing but its genesis.
func New(genesis event.Genesis) *Tree { return newTree(genesis, 0) }

// newTree returns the same with room for a number of objects.
func newTree(genesis event.Genesis, objects int) *Tree {
	t := &Tree{nonce: genesis.Nonce}
	t.objects.settled = make(map[objectID]version, objects+1)
	t.extras.settled = make(map[objectID]extra)
	t.objects.latest.seed = objectID{rand.Uint64(), rand.Uint64()}
	t.extras.latest.seed = objectID{rand.Uint64(), rand.Uint64()}
	t.objects.settled[idOf([]byte(event.GenesisKey))] = 1
	t.settled = front{root: &event.WriteAuthority{Kind: event.WriteEveryone}, next: 1}
	if len(genesis.RootKeys) > 0 {
		t.settled.root = &event.WriteAuthority{Kind: event.WriteAnyOf}
		for _, key := range genesis.RootKeys {
			t.settled.root.Keys = append(t.settled.root.Keys, event.KeyID(key))
		}
	}
	t.staged = t.settled
	t.keys = newPublicKeys(genesis.RootKeys)
	return t
}

// Mark is a place in what is staged.
type Mark struct {
	front                 front
	objects, extras, keys int // how many changes there were
}

// Mark returns the present place.
func (t *Tree) Mark() Mark {
	return Mark{t.staged, len(t.objects.changes), len(t.extras.changes), len(t.keys.staged)}
}

// Revert undoes what was staged since a mark. It must not be from before the
// last Settle, Discard or Apply, nor be reverted itself.
func (t *Tree) Revert(m Mark) {
	t.staged = m.front
	t.objects.revert(m.objects)
	t.extras.revert(m.extras)
	t.keys.revert(m.keys)
}

// Discard throws away all that is staged.
func (t *Tree) Discard() { t.Revert(Mark{front: t.settled}) }

// Settle makes all that is staged part of the settled state.
func (t *Tree) Settle() {
	t.settled = t.staged
	t.objects.settle()
	t.extras.settle()
	t.keys.settle()
}

// Newest returns the seq of an object's newest settled event, if the object
// has a value.
func (t *Tree) Newest(key []byte) (event.Seq, bool) { return t.objects.settled[idOf(key)].seq() }

// Staged is [Tree.Newest] with what is staged.
func (t *Tree) Staged(key []byte) (event.Seq, bool) { return t.objects.get(idOf(key)).seq() }

func (v version) seq() (event.Seq, bool) {
	if v == 0 {
		return 0, false
	}
	return event.Seq(v - 1), true
}

// Next returns the seq after the last event, with those that are staged.
func (t *Tree) Next() event.Seq { return t.staged.next }

// Len returns how many objects have a settled value. The genesis is one.
func (t *Tree) Len() int { return len(t.objects.settled) }

// PublicKey returns the encoding of the public key with an id, if the chain
// knows it: a root key of the genesis, or one that an event introduced, also
// one that is only staged. It is not the caller's to change.
func (t *Tree) PublicKey(id event.Hash) ([]byte, bool) { return t.keys.find(id) }
