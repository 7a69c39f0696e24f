package modeltest

import (
	"maps"
	"slices"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
)

// oracle is what a chain holds by the rules of package authority, as a map of
// whole objects that forgets nothing and knows nothing of compaction.
type oracle struct {
	objects map[string]modelObject
	root    event.WriteAuthority
	known   map[event.Hash]bool // public keys
}

type modelObject struct {
	seq    event.Seq
	data   string
	parent string // "" at the top
	write  event.WriteAuthority
	read   event.ReadAuthority
}

func newOracle(rootKeys ...event.Hash) *oracle {
	o := &oracle{map[string]modelObject{}, event.WriteAuthority{Kind: event.WriteEveryone}, map[event.Hash]bool{}}
	if len(rootKeys) > 0 {
		o.root = event.WriteAuthority{Kind: event.WriteAnyOf, Keys: rootKeys}
	}
	for _, id := range rootKeys {
		o.known[id] = true
	}
	return o
}

func (o *oracle) clone() *oracle { return &oracle{maps.Clone(o.objects), o.root, maps.Clone(o.known)} }

// writers returns who may write an object, or at the top.
func (o *oracle) writers(key string) event.WriteAuthority {
	for key != "" {
		at := o.objects[key]
		if at.write.Kind > event.WriteInherit {
			return at.write
		}
		key = at.parent
	}
	return o.root
}

func (o *oracle) readers(key string) event.ReadAuthority {
	for key != "" {
		at := o.objects[key]
		if at.read.Kind > event.ReadInherit {
			return at.read
		}
		key = at.parent
	}
	return event.ReadAuthority{Kind: event.ReadEveryone}
}

func (o *oracle) resolved(key string) authority.Resolved {
	if _, ok := o.objects[key]; !ok || key == authority.RootKey {
		key = ""
	}
	return authority.Resolved{Write: o.writers(key), Read: o.readers(key)}
}

func (o *oracle) may(signer event.Hash, key string) bool {
	w := o.writers(key)
	return w.Kind == event.WriteEveryone || w.Kind == event.WriteAnyOf && slices.Contains(w.Keys, signer)
}

// accepts reports whether a signer may bring an event, by the rules. What would
// stand deep is not accepted here, so that nothing comes to stand too deep.
func (o *oracle) accepts(h *event.Header, hasData bool, signer event.Hash) bool {
	key := string(h.Key)
	now, exists := o.objects[key]
	switch {
	case key == authority.RootKey:
		return o.root.Kind != event.WriteEveryone && o.may(signer, "")
	case h.Tombstone:
		return (o.may(signer, now.parent) || exists && o.may(signer, key)) && !o.isParent(key)
	}
	after := applied(now, h)
	moves := after.parent != now.parent
	if exists && moves && o.isParent(key) || o.depth(after.parent) > 8 {
		return false
	}
	if _, ok := o.objects[after.parent]; after.parent != "" && (!ok || after.parent == key) {
		return false
	}
	attaches := h.Write.Kind != 0 || h.Read.Kind != 0
	switch {
	case !exists:
		if !o.may(signer, after.parent) {
			return false
		}
	case moves:
		if !o.may(signer, key) || !o.may(signer, now.parent) || !o.may(signer, after.parent) {
			return false
		}
	case attaches:
		if !o.may(signer, now.parent) {
			return false
		}
	case !o.may(signer, key):
		return false
	}
	return o.acceptsRead(h, hasData, exists, after)
}

func (o *oracle) acceptsRead(h *event.Header, hasData, exists bool, after modelObject) bool {
	before, read := o.readers(after.parent), o.readersAfter(after)
	if exists {
		before = o.readers(string(h.Key))
	}
	if read.Kind != event.ReadByKey {
		return true
	}
	if before.Kind == event.ReadByKey && before.Key == read.Key && read.Generation < before.Generation {
		return false
	}
	return !hasData || h.Encryption.Key == read.Key && h.Encryption.Generation == read.Generation
}

// readersAfter returns who may read an object that becomes this.
func (o *oracle) readersAfter(after modelObject) event.ReadAuthority {
	if after.read.Kind > event.ReadInherit {
		return after.read
	}
	return o.readers(after.parent)
}

// apply does what an accepted event does.
func (o *oracle) apply(seq event.Seq, h *event.Header, data string) {
	key := string(h.Key)
	for _, k := range h.Keys {
		o.known[event.KeyID(k)] = true
	}
	if h.Tombstone {
		delete(o.objects, key)
		return
	}
	after := applied(o.objects[key], h)
	if after.seq, after.data = seq, data; key == authority.RootKey {
		o.root, after.write = h.Write, event.WriteAuthority{}
	}
	o.objects[key] = after
}

// applied returns what an event makes of an object.
func applied(now modelObject, h *event.Header) modelObject {
	if len(h.Parent.Key) > 0 || h.Parent.Top {
		now.parent = string(h.Parent.Key)
	}
	if h.Write.Kind != event.WriteUnchanged {
		now.write = h.Write
	}
	if h.Read.Kind != event.ReadUnchanged {
		now.read = h.Read
	}
	return now
}

func (o *oracle) isParent(key string) bool {
	for _, object := range o.objects {
		if object.parent == key {
			return true
		}
	}
	return false
}

func (o *oracle) depth(key string) (n int) {
	for ; key != ""; key = o.objects[key].parent {
		n++
	}
	return n
}
