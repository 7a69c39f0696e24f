package authority

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

// model is the rules of the package comment over a map of whole objects, with
// no thought of speed.
type model struct {
	objects map[string]modelObject
	root    event.WriteAuthority
	keys    map[string]bool
}

type modelObject struct {
	seq    event.Seq
	parent string // "" at the top
	write  event.WriteAuthority
	read   event.ReadAuthority
}

func newModel(rootKeys ...event.Hash) model {
	m := model{map[string]modelObject{}, event.WriteAuthority{Kind: event.WriteEveryone}, map[string]bool{}}
	if len(rootKeys) > 0 {
		m.root = event.WriteAuthority{Kind: event.WriteAnyOf, Keys: rootKeys}
	}
	return m
}

func (m model) clone() model {
	return model{maps.Clone(m.objects), m.root, maps.Clone(m.keys)}
}

func (m model) write(key string) event.WriteAuthority {
	if key == "" {
		return m.root
	}
	if o := m.objects[key]; o.write.Kind != event.WriteInherit {
		return o.write
	}
	return m.write(m.objects[key].parent)
}

func (m model) read(key string) event.ReadAuthority {
	if key == "" {
		return event.ReadAuthority{Kind: event.ReadEveryone}
	}
	if o := m.objects[key]; o.read.Kind != event.ReadInherit {
		return o.read
	}
	return m.read(m.objects[key].parent)
}

func (m model) isUnder(key, ancestor string) bool {
	return key == ancestor || key != "" && m.isUnder(m.objects[key].parent, ancestor)
}

func (m model) children(key string) (n int) {
	for _, o := range m.objects {
		if o.parent == key {
			n++
		}
	}
	return n
}

func has(w event.WriteAuthority, writer []event.Hash) bool {
	return w.Kind == event.WriteEveryone || slices.ContainsFunc(writer, func(id event.Hash) bool { return slices.Contains(w.Keys, id) })
}

// apply does what the event does if no rule forbids it, and returns the codes
// of those that do.
func (m *model) apply(seq event.Seq, h *eventpb.Header, hasData bool, writer []event.Hash) (codes []fault.Code) {
	refuse := func(code fault.Code, when bool) {
		if when {
			codes = append(codes, code)
		}
	}
	key := string(h.Key)
	write, read := event.WriteOf(h.Authority.GetWrite()), event.ReadOf(h.Authority.GetRead())
	if key == RootKey {
		refuse(fault.BadRequest, hasData || h.Tombstone || h.Parent != nil || read.Kind != 0 || write.Kind != event.WriteAnyOf && write.Kind != event.WriteEveryone)
		refuse(fault.NotAuthorized, m.root.Kind == event.WriteEveryone || !has(m.root, writer))
		if codes == nil {
			m.root = write
			m.objects[key] = modelObject{seq: seq}
		}
		return codes
	}
	before, exists := m.objects[key]
	if !exists {
		before = modelObject{write: event.WriteAuthority{Kind: event.WriteInherit}, read: event.ReadAuthority{Kind: event.ReadInherit}}
	}
	above := m.write(before.parent)
	own := above
	if exists {
		own = m.write(key)
	}
	if h.Tombstone {
		refuse(fault.BadRequest, hasData || h.Parent != nil)
		refuse(fault.NotAuthorized, !has(own, writer) && !has(above, writer))
		refuse(fault.HasChildren, exists && m.children(key) > 0)
		if codes == nil {
			delete(m.objects, key)
		}
		return codes
	}
	after := before
	after.seq = seq
	if h.Parent != nil {
		after.parent = string(h.Parent.Key)
	}
	refuse(fault.BadRequest, event.IsReserved([]byte(after.parent)))
	if _, ok := m.objects[after.parent]; !ok && after.parent != "" {
		refuse(fault.NoParent, true)
		refuse(fault.ParentCycle, after.parent == key)
		return codes
	}
	if m.isUnder(after.parent, key) {
		return append(codes, fault.ParentCycle)
	}
	moves, attaches := after.parent != before.parent, write.Kind != 0 || read.Kind != 0
	switch {
	case !exists:
		refuse(fault.NotAuthorized, !has(m.write(after.parent), writer))
	case moves:
		refuse(fault.NotAuthorized, !has(own, writer) || !has(above, writer) || !has(m.write(after.parent), writer))
	case attaches:
		refuse(fault.NotAuthorized, !has(above, writer))
	default:
		refuse(fault.NotAuthorized, !has(own, writer))
	}
	if write.Kind != 0 {
		after.write = write
	}
	if read.Kind != 0 {
		after.read = read
	}
	readBefore, readAfter := m.read(after.parent), after.read
	if exists {
		readBefore = m.read(key)
	}
	if readAfter.Kind == event.ReadInherit {
		readAfter = m.read(after.parent)
	}
	if readAfter.Kind == event.ReadByKey {
		refuse(fault.BadRequest, readBefore.Kind == event.ReadByKey && readBefore.Key == readAfter.Key && readAfter.Generation < readBefore.Generation)
		e := h.Encryption
		refuse(fault.NotEncrypted, hasData && (e == nil || string(e.DataKey) != string(readAfter.Key[:]) || e.Generation != readAfter.Generation))
	}
	if codes == nil {
		m.objects[key] = after
	}
	return codes
}

var modelKeys = []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}

// agrees compares the tree's settled state with a model's.
func (m model) agrees(t *testing.T, tree *Tree) {
	t.Helper()
	if got, want := tree.Len(), len(m.objects)+1; got != want {
		t.Fatalf("%d objects, want %d", got, want)
	}
	for _, key := range append(slices.Clone(modelKeys), RootKey) {
		o, exists := m.objects[key]
		if seq, ok := tree.Newest([]byte(key)); ok != exists || seq != o.seq {
			t.Fatalf("object %q: at %d %v, want %d %v", key, seq, ok, o.seq, exists)
		}
		want, at := Resolved{m.root, event.ReadAuthority{Kind: event.ReadEveryone}}, ""
		if exists && key != RootKey {
			want, at = Resolved{m.write(key), m.read(key)}, o.parent
		}
		if got, err := tree.Authority([]byte(key), nil); err != nil || !got.is(want) {
			t.Fatalf("object %q: authority %v (%v), want %v", key, got, err, want)
		}
		if got := tree.extras.settled[idOf([]byte(key))]; exists && int(got.children) != m.children(key) || at == "" != (got.parent == top) {
			t.Fatalf("object %q: %d children, want %d; under %v, want %q", key, got.children, m.children(key), got.parent, at)
		}
	}
	for _, key := range [][]byte{aliceKey, bobKey, eveKey} {
		if got, ok := tree.PublicKey(event.KeyID(key)); ok != m.keys[string(key)] || ok && string(got) != string(key) {
			t.Fatalf("public key %q: %q %v", key, got, ok)
		}
	}
	for _, who := range []event.Hash{root, alice, bob, eve} {
		if err := tree.MayWriteTop([]event.Hash{who}); (err == nil) != has(m.root, []event.Hash{who}) {
			t.Fatalf("may %s write at the top: %v", who, err)
		}
	}
}

func (r Resolved) is(o Resolved) bool {
	return r.Write.Kind == o.Write.Kind && slices.Equal(r.Write.Keys, o.Write.Keys) && r.Read == o.Read
}

// randomEvent returns an event that has a fair chance of being accepted.
func randomEvent(r *rand.Rand) (h *eventpb.Header, hasData bool, writer []event.Hash) {
	oneIn := func(n int) bool { return r.IntN(n) == 0 }
	key := func() string { return modelKeys[r.IntN(len(modelKeys))] }
	people := []event.Hash{root, alice, bob, eve}
	some := func() (ids []event.Hash) {
		for _, id := range people {
			if oneIn(2) {
				ids = append(ids, id)
			}
		}
		return ids
	}
	h, hasData, writer = on(key()), oneIn(2), some()
	if oneIn(2) {
		writer = people
	}
	data, generation := []event.Hash{dataKey, otherDataKey}[r.IntN(2)], uint32(r.IntN(3))
	switch r.IntN(8) {
	case 0:
		h.Tombstone, hasData = true, oneIn(20)
		if !oneIn(20) {
			return h, hasData, writer
		}
		fallthrough
	case 1, 2:
		under(key())(h)
		if oneIn(50) {
			under(event.GenesisKey)(h)
		}
	case 3:
		atTop(h)
	case 4:
		if oneIn(20) {
			h.Key, hasData = []byte(RootKey), oneIn(20)
			anyOf(people[r.IntN(4)], root)(h)
			return h, hasData, writer
		}
	}
	if !h.Tombstone && oneIn(4) {
		if ids := some(); len(ids) > 0 && oneIn(2) {
			anyOf(ids...)(h)
		} else {
			writable([]event.WriteKind{event.WriteInherit, event.WriteInherit, event.WriteEveryone, event.WriteNobody}[r.IntN(4)])(h)
		}
	}
	if !h.Tombstone && oneIn(6) {
		[]func(*eventpb.Header){readByKey(data, generation), readByKey(data, generation), readable(event.ReadInherit), readable(event.ReadEveryone)}[r.IntN(4)](h)
	}
	if oneIn(2) {
		encrypted(data, generation)(h)
	}
	if oneIn(20) {
		introducing([][]byte{aliceKey, bobKey, eveKey}[r.IntN(3)])(h)
	}
	return h, hasData, writer
}

// TestModel proves that a tree judges as the rules say, over 30,000 random
// events with commits taken back and rounds settled and thrown away, that
// applying what was accepted gives the same tree, and so does a snapshot.
func TestModel(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runModel(t, rand.New(rand.NewPCG(seed, 1)), 3000) })
	}
}

type logged struct {
	seq event.Seq
	h   *eventpb.Header
}

// runModel judges as many random events and reports how many were accepted.
func runModel(t *testing.T, r *rand.Rand, steps int) {
	genesis := event.Genesis{RootKeys: [][]byte{rootKey}, Nonce: [32]byte{7}}
	settled := newModel(root)
	if r.IntN(4) == 0 {
		genesis.RootKeys, settled = nil, newModel()
	}
	tree, replayed := New(genesis), New(genesis)
	staged, marked := settled.clone(), settled.clone()
	var log []logged // staged
	mark, markLog, accepted, refused := tree.Mark(), 0, 0, map[fault.Code]int{}
	for range steps {
		h, hasData, writer := randomEvent(r)
		seq := tree.Next()
		want := staged.apply(seq, h, hasData, writer)
		err := tree.Judge(seq, h, hasData, writer)
		if err == nil && want != nil || err != nil && !slices.Contains(want, fault.CodeOf(err)) {
			t.Fatalf("event %d %v, data %v, by %v: got %v, want %v", seq, h, hasData, writer, err, want)
		}
		if err == nil {
			for _, key := range h.Keys {
				staged.keys[string(key)] = true
			}
			log = append(log, logged{seq, h})
			accepted++
		} else {
			refused[fault.CodeOf(err)]++
		}
		if got, ok := tree.Staged(h.Key); ok != staged.has(string(h.Key)) || got != staged.objects[string(h.Key)].seq {
			t.Fatalf("object %q is staged at %d %v", h.Key, got, ok)
		}
		switch r.IntN(12) {
		case 0, 1:
			mark, markLog, marked = tree.Mark(), len(log), staged.clone()
		case 2:
			tree.Revert(mark)
			log, staged = log[:markLog], marked.clone()
		case 3:
			tree.Discard()
			settled.agrees(t, tree)
			log, staged = nil, settled.clone()
			mark, markLog, marked = tree.Mark(), 0, staged.clone()
		case 4, 5:
			model{settled.objects, settled.root, staged.keys}.agrees(t, tree) // staging has touched nothing but keys
			tree.Settle()
			settled = staged.clone()
			settled.agrees(t, tree)
			for _, e := range log {
				if err := replayed.Apply(e.seq, e.h); err != nil {
					t.Fatal(err)
				}
			}
			settled.agrees(t, replayed)
			if r.IntN(4) == 0 {
				restored, err := Restore(genesis, tree.AppendSnapshot(nil))
				if err != nil {
					t.Fatal(err)
				}
				settled.agrees(t, restored)
				tree = restored // and goes on with it
			}
			log = nil
			mark, markLog, marked = tree.Mark(), 0, staged.clone()
		}
	}
	if accepted < steps/10 || len(refused) < 4 {
		t.Errorf("%d of %d accepted, refused %v: the test sees too little", accepted, steps, refused)
	}
	t.Log(accepted, "accepted, refused", refused)
}

func (m model) has(key string) bool {
	_, ok := m.objects[key]
	return ok
}
