package authority

import (
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

// Apply makes an event that is stored part of the settled state, as judging and
// settling it did, without judging it again. Nothing may be staged. Events must
// come in order of their seqs; compaction may have left some out. The first
// event may be the genesis, which [New] knows already.
//
// What an accepted event cannot be is a damaged fault, and changes nothing.
func (t *Tree) Apply(seq event.Seq, h *eventpb.Header) error {
	if seq == 0 && string(h.Key) == event.GenesisKey {
		return nil
	}
	if seq < t.settled.next {
		return fault.New(fault.Damaged, "event %d comes after event %d", seq, t.settled.next-1)
	}
	if IsOwn(h) {
		if err := checkOwn(h); err != nil {
			return fault.New(fault.Damaged, "event %d: %w", seq, err)
		}
	} else if event.IsReserved(h.Key) {
		if err := checkRoot(h, false); err != nil || string(h.Key) != RootKey {
			return fault.New(fault.Damaged, "event %d is of object %s, where no such event can be", seq, quote(h.Key))
		}
	}
	id, parent := idOf(h.Key), top
	if key := h.Parent.GetKey(); len(key) > 0 {
		parent = idOf(key)
	}
	if parent == id {
		return fault.New(fault.Damaged, "event %d puts object %s under itself", seq, quote(h.Key))
	}
	t.change(seq, h, id, parent)
	t.Settle()
	return nil
}

// change stages what an event does. The parent counts if the header has one.
//
// It takes events that compaction has left over, too: an object may come to
// stand under one that gets its value later, and one may end while others
// still stand under it that move away later.
func (t *Tree) change(seq event.Seq, h *eventpb.Header, id, parent objectID) {
	t.staged.next = seq + 1
	t.keys.introduce(h.Keys)
	if string(h.Key) == RootKey {
		root := event.WriteOf(h.Authority.Write)
		t.staged.root = &root
		t.objects.put(id, version(seq+1))
		return
	}
	if h.Tombstone {
		t.end(id)
		return
	}
	t.objects.put(id, version(seq+1))
	if h.Parent == nil && h.Authority == nil {
		return
	}
	before := t.extras.get(id)
	after := before
	after.attach(h.Authority)
	if h.Parent != nil {
		after.parent = parent
	}
	if after != before {
		t.extras.put(id, after)
		t.adopt(before.parent, after.parent)
	}
}

// end stages that an object has no value any more.
func (t *Tree) end(id objectID) {
	t.objects.put(id, 0)
	if before := t.extras.get(id); before != (extra{}) {
		t.extras.put(id, extra{children: before.children})
		t.adopt(before.parent, top)
	}
}

// adopt stages that one parent has a child less, and another one more.
func (t *Tree) adopt(from, to objectID) {
	if from == to {
		return
	}
	if from != top {
		e := t.extras.get(from)
		e.children--
		t.extras.put(from, e)
	}
	if to != top {
		e := t.extras.get(to)
		e.children++
		t.extras.put(to, e)
	}
}

// attach changes what the message says.
func (e *extra) attach(a *eventpb.Authority) {
	switch w := a.GetWrite(); w.GetKind() {
	case eventpb.WriteAuthority_KIND_UNSPECIFIED:
	case eventpb.WriteAuthority_KIND_INHERIT:
		e.write = nil
	default:
		authority := event.WriteOf(w)
		e.write = &authority
	}
	switch r := a.GetRead(); r.GetKind() {
	case eventpb.ReadAuthority_KIND_UNSPECIFIED:
	case eventpb.ReadAuthority_KIND_INHERIT:
		e.read = nil
	default:
		authority := event.ReadOf(r)
		e.read = &authority
	}
}
