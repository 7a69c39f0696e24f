package authority

import (
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Resolved is who may write and read, with inheritance resolved: neither kind
// is Inherit or Unchanged. The keys are not the caller's to change.
type Resolved struct {
	Write event.WriteAuthority
	Read  event.ReadAuthority
}

// Authority returns what is in force for the object with this key or, if it has
// no value, for one that would be made under a parent; no parent is the top. It
// sees what is settled.
func (t *Tree) Authority(key, parent []byte) (Resolved, error) {
	v := view{t, true}
	if string(key) == RootKey {
		return Resolved{*v.root(), *readEveryone}, nil
	}
	at := idOf(key)
	if !v.live(at) {
		if at = top; len(parent) > 0 {
			if at = idOf(parent); !v.live(at) {
				return Resolved{}, noParent(key, parent)
			}
		}
	}
	write, err := v.writers(at)
	if err != nil {
		return Resolved{}, err
	}
	read, err := v.readers(at)
	if err != nil {
		return Resolved{}, err
	}
	return Resolved{*write, *read}, nil
}

// MayWriteTop returns nil if the owner of the keys with these ids may make
// objects at the top, and otherwise why not. It sees what is settled.
func (t *Tree) MayWriteTop(writer []event.Hash) error {
	if root := t.settled.root; !allows(root, writer) {
		return fault.New(fault.NotAuthorized, "only %s may write at the top of this chain", who(root))
	}
	return nil
}

// view is a tree with or without what is staged.
type view struct {
	*Tree
	settledOnly bool
}

func (v view) live(id objectID) bool {
	if v.settledOnly {
		return v.objects.settled[id] != 0
	}
	return v.objects.get(id) != 0
}

func (v view) extra(id objectID) extra {
	if v.settledOnly {
		return v.extras.settled[id]
	}
	return v.extras.get(id)
}

func (v view) root() *event.WriteAuthority {
	if v.settledOnly {
		return v.settled.root
	}
	return v.staged.root
}

var readEveryone = &event.ReadAuthority{Kind: event.ReadEveryone}

// writers returns the effective write authority of an object, or of the top.
func (v view) writers(id objectID) (*event.WriteAuthority, error) {
	for range MaxDepth {
		if id == top {
			return v.root(), nil
		}
		if !v.live(id) {
			return nil, missing()
		}
		e := v.extra(id)
		if e.write != nil {
			return e.write, nil
		}
		id = e.parent
	}
	if id == top {
		return v.root(), nil
	}
	return nil, tooDeep()
}

// readers returns the effective read authority of an object, or of the top.
func (v view) readers(id objectID) (*event.ReadAuthority, error) {
	for range MaxDepth {
		if id == top {
			return readEveryone, nil
		}
		if !v.live(id) {
			return nil, missing()
		}
		e := v.extra(id)
		if e.read != nil {
			return e.read, nil
		}
		id = e.parent
	}
	if id == top {
		return readEveryone, nil
	}
	return nil, tooDeep()
}

// allows reports whether the owner of these keys has the authority.
func allows(w *event.WriteAuthority, writer []event.Hash) bool {
	if w.Kind != event.WriteAnyOf {
		return w.Kind == event.WriteEveryone
	}
	for i := range writer {
		for k := range w.Keys {
			if w.Keys[k] == writer[i] {
				return true
			}
		}
	}
	return false
}
