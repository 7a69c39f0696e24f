package authority

import (
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

// Judge decides on an event by the authority that is in force before it, with
// what is staged, and stages what it does. The event is the one that will have
// this seq, which is at least Next; its header was checked by
// [event.UnmarshalHeader], and is the caller's again afterwards. The writer is
// the ids of the keys that its author has shown to own; hasData is false for
// data of no bytes. An event that is refused changes nothing.
//
// The package comment has the rules and their codes.
func (t *Tree) Judge(seq event.Seq, h *eventpb.Header, hasData bool, writer []event.Hash) error {
	if seq < t.staged.next {
		return fault.New(fault.OutOfSequence, "event %d cannot be judged after event %d", seq, t.staged.next-1)
	}
	j := judgement{view: view{Tree: t}, h: h, id: idOf(h.Key), hasData: hasData, writer: writer}
	if err := j.decide(); err != nil {
		return err
	}
	if err := t.keys.room(h.Keys); err != nil {
		return err
	}
	t.change(seq, h, j.id, j.parent)
	return nil
}

// judgement is what there is to know about one event.
type judgement struct {
	view
	h       *eventpb.Header
	id      objectID
	hasData bool
	writer  []event.Hash

	exists bool
	now    extra    // before the event; zero if the object does not exist
	parent objectID // after the event
}

func (j *judgement) decide() error {
	if event.IsReserved(j.h.Key) {
		return j.decideReserved()
	}
	if j.exists = j.live(j.id); j.exists {
		j.now = j.extra(j.id)
	}
	if j.h.Tombstone {
		return j.decideEnd()
	}
	if err := j.place(); err != nil {
		return err
	}
	if err := j.decideWriter(); err != nil {
		return err
	}
	return j.decideRead()
}

// decideReserved judges an event of one of the server's own objects.
func (j *judgement) decideReserved() error {
	if string(j.h.Key) != RootKey {
		return fault.New(fault.BadRequest, "object keys that begin with %q are the server's own", event.ReservedPrefix)
	}
	if err := checkRoot(j.h, j.hasData); err != nil {
		return err
	}
	root := j.root()
	if root.Kind == event.WriteEveryone {
		return fault.New(fault.NotAuthorized, "everyone may write at the top of this chain, and nobody may change that: it would let anyone shut out all others")
	}
	if !allows(root, j.writer) {
		return fault.New(fault.NotAuthorized, "changing the chain's root keys is for %s alone, and the writer has not shown to be that", who(root))
	}
	return nil
}

// checkRoot returns what is wrong with the shape of a root event.
func checkRoot(h *eventpb.Header, hasData bool) error {
	kind := h.Authority.GetWrite().GetKind()
	if hasData || h.Tombstone || h.Parent != nil || h.Authority.GetRead() != nil ||
		kind != eventpb.WriteAuthority_KIND_ANY_OF && kind != eventpb.WriteAuthority_KIND_EVERYONE {
		return fault.New(fault.BadRequest, "an event of the object %q replaces the chain's root keys: it has a write authority, any-of or everyone, and no data, parent, tombstone or read authority", RootKey)
	}
	return nil
}

// decideEnd judges a tombstone.
func (j *judgement) decideEnd() error {
	if j.hasData || j.h.Parent != nil {
		return fault.New(fault.BadRequest, "an event that ends object %s cannot have data or a parent", quote(j.h.Key))
	}
	own, err := j.writers(j.ownOrTop())
	if err != nil {
		return err
	}
	if !allows(own, j.writer) {
		above, err := j.writers(j.now.parent)
		if err != nil {
			return err
		}
		if !allows(above, j.writer) {
			return outsider(j.h.Key, "ending object", own)
		}
	}
	if j.now.children > 0 {
		return fault.New(fault.HasChildren, "object %s has %d others under it; end or move those first", quote(j.h.Key), j.now.children)
	}
	return nil
}

func (j *judgement) ownOrTop() objectID {
	if j.exists {
		return j.id
	}
	return top
}

// place finds where the object stands after the event, and whether it may.
func (j *judgement) place() error {
	j.parent = j.now.parent
	if j.h.Parent == nil {
		return nil
	}
	key := j.h.Parent.Key
	if len(key) == 0 {
		j.parent = top
		return nil
	}
	if event.IsReserved(key) {
		return fault.New(fault.BadRequest, "object %s cannot stand under one of the server's own; name no parent for the top", quote(j.h.Key))
	}
	if j.parent = idOf(key); j.exists && j.parent == j.now.parent {
		return nil
	}
	if j.parent == j.id {
		return fault.New(fault.ParentCycle, "object %s cannot stand under itself", quote(j.h.Key))
	}
	if !j.live(j.parent) {
		return noParent(j.h.Key, key)
	}
	return j.checkPath()
}

// checkPath follows the new parents up to the top, which must be near and not
// lead past the object itself.
func (j *judgement) checkPath() error {
	at := j.parent
	for range MaxDepth - 1 {
		if at = j.extra(at).parent; at == top {
			return nil
		}
		if at == j.id {
			return fault.New(fault.ParentCycle, "object %s cannot stand under %s, which stands under it", quote(j.h.Key), quote(j.h.Parent.Key))
		}
	}
	return tooDeep()
}

// decideWriter judges who makes, changes or moves an object.
func (j *judgement) decideWriter() error {
	if !j.exists {
		return j.need(j.parent, "making object")
	}
	attaches := j.h.Authority.GetWrite() != nil || j.h.Authority.GetRead() != nil
	moves := j.parent != j.now.parent
	if !attaches || moves {
		if err := j.need(j.id, "changing object"); err != nil {
			return err
		}
	}
	if attaches {
		if err := j.need(j.now.parent, "changing who may write or read object"); err != nil {
			return err
		}
	}
	if moves {
		if err := j.need(j.now.parent, "taking away object"); err != nil {
			return err
		}
		return j.need(j.parent, "moving here object")
	}
	return nil
}

// need refuses a writer without the effective authority of an object or of the
// top.
func (j *judgement) need(id objectID, what string) error {
	w, err := j.writers(id)
	if err != nil {
		return err
	}
	if !allows(w, j.writer) {
		return outsider(j.h.Key, what, w)
	}
	return nil
}

// decideRead judges an event by who may read the object after it.
func (j *judgement) decideRead() error {
	changes := j.h.Authority.GetRead() != nil || j.exists && j.parent != j.now.parent
	if !j.hasData && !changes {
		return nil
	}
	after, err := j.readersAfter()
	if err != nil {
		return err
	}
	if after.Kind != event.ReadByKey {
		return nil
	}
	if changes {
		if err := j.checkGeneration(after); err != nil {
			return err
		}
	}
	return j.checkData(after)
}

// readersAfter returns the effective read authority after the event.
func (j *judgement) readersAfter() (*event.ReadAuthority, error) {
	after := j.now
	after.attach(&eventpb.Authority{Read: j.h.Authority.GetRead()})
	if after.read != nil {
		return after.read, nil
	}
	return j.readers(j.parent)
}

// checkGeneration refuses to go back to a data key's generation from before
// the one in force, which members may hold who have been removed.
func (j *judgement) checkGeneration(after *event.ReadAuthority) error {
	at := j.id
	if !j.exists {
		at = j.parent
	}
	before, err := j.readers(at)
	if err != nil {
		return err
	}
	if before.Kind == event.ReadByKey && before.Key == after.Key && after.Generation < before.Generation {
		return fault.New(fault.BadRequest, "object %s has generation %d of data key %s; it cannot go back to generation %d", quote(j.h.Key), before.Generation, before.Key, after.Generation)
	}
	return nil
}

// checkData refuses data that is not encrypted as the read authority says.
func (j *judgement) checkData(read *event.ReadAuthority) error {
	e := j.h.Encryption
	if !j.hasData || e != nil && event.Hash(e.DataKey) == read.Key && e.Generation == read.Generation {
		return nil
	}
	return fault.New(fault.NotEncrypted, "the data of object %s must be encrypted with generation %d of data key %s", quote(j.h.Key), read.Generation, read.Key)
}
