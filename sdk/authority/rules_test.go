package authority

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// Keys of the people in the tests, and their ids.
var (
	rootKey, aliceKey, bobKey, eveKey = []byte("root's key"), []byte("alice's key"), []byte("bob's key"), []byte("eve's key")
	root, alice, bob, eve             = event.KeyID(rootKey), event.KeyID(aliceKey), event.KeyID(bobKey), event.KeyID(eveKey)
	dataKey, otherDataKey             = event.Hash{1: 0xd1}, event.Hash{1: 0xd2}
)

// on is an event of an object, changed by options.
func on(key string, options ...func(*eventpb.Header)) *eventpb.Header {
	h := &eventpb.Header{Key: []byte(key)}
	for _, o := range options {
		o(h)
	}
	return h
}

func under(key string) func(*eventpb.Header) {
	return func(h *eventpb.Header) { h.Parent = &eventpb.Parent{Key: []byte(key)} }
}

func atTop(h *eventpb.Header) { h.Parent = &eventpb.Parent{} }

func ended(h *eventpb.Header) { h.Tombstone = true }

func introducing(keys ...[]byte) func(*eventpb.Header) {
	return func(h *eventpb.Header) { h.Keys = keys }
}

func authorityOf(h *eventpb.Header) *eventpb.Authority {
	if h.Authority == nil {
		h.Authority = &eventpb.Authority{}
	}
	return h.Authority
}

func writable(kind event.WriteKind, keys ...event.Hash) func(*eventpb.Header) {
	w := event.WriteAuthority{Kind: kind, Keys: keys}
	return func(h *eventpb.Header) { authorityOf(h).Write = w.Proto() }
}

func anyOf(keys ...event.Hash) func(*eventpb.Header) { return writable(event.WriteAnyOf, keys...) }

func readable(kind event.ReadKind) func(*eventpb.Header) {
	r := event.ReadAuthority{Kind: kind}
	return func(h *eventpb.Header) { authorityOf(h).Read = r.Proto() }
}

func readByKey(key event.Hash, generation uint32) func(*eventpb.Header) {
	r := event.ReadAuthority{Kind: event.ReadByKey, Key: key, Generation: generation}
	return func(h *eventpb.Header) { authorityOf(h).Read = r.Proto() }
}

func encrypted(key event.Hash, generation uint32) func(*eventpb.Header) {
	return func(h *eventpb.Header) {
		h.Encryption = &eventpb.Encryption{DataKey: key[:], Generation: generation, Nonce: make([]byte, event.NonceSize)}
	}
}

// chain drives a tree in a test.
type chain struct {
	*testing.T
	*Tree
}

// owned is a chain with the root key; with none, everyone has authority.
func owned(t *testing.T) *chain { return &chain{t, New(event.Genesis{RootKeys: [][]byte{rootKey}})} }

// check has an event judged and wants a code, "" for acceptance. Like every
// event from a wire, its header is encoded and parsed.
func (c *chain) check(want fault.Code, h *eventpb.Header, hasData bool, writer ...event.Hash) error {
	c.Helper()
	b, err := h.MarshalVT()
	if err != nil {
		c.Fatal(err)
	}
	var parsed eventpb.Header
	if err := event.UnmarshalHeader(b, &parsed); err != nil {
		c.Fatal(err)
	}
	before := c.Mark()
	err = c.Judge(c.Next(), &parsed, hasData, writer)
	if got := fault.CodeOf(err); got != want {
		c.Fatalf("%v: got %q (%v), want %q", h, got, err, want)
	}
	if err != nil && c.Mark() != before {
		c.Fatalf("%v was refused and changed the state", h)
	}
	for i := range b {
		b[i] = 0xff // the header was the caller's
	}
	return err
}

// yes has an event with data accepted.
func (c *chain) yes(h *eventpb.Header, writer ...event.Hash) {
	c.Helper()
	c.check("", h, !h.Tombstone, writer...)
}

// no has an event without data refused with not_authorized.
func (c *chain) no(h *eventpb.Header, writer ...event.Hash) {
	c.Helper()
	c.check(fault.NotAuthorized, h, false, writer...)
}

// TestRules has a subtest for each rule of the package comment.
func TestRules(t *testing.T) {
	for _, r := range []struct {
		number int
		test   func(c *chain)
	}{
		{1, func(c *chain) {
			c.no(on("a"), alice)
			c.yes(on("a", anyOf(alice)), root)
			c.no(on("b", under("a")), root)
			c.yes(on("b", under("a")), alice)
			c.no(on("c", anyOf(alice)), alice) // it is in force only after
		}},
		{2, func(c *chain) {
			c.yes(on("a", anyOf(alice)), root)
			c.no(on("a"), root)
			c.yes(on("a"), alice)
			c.yes(on("b", under("a")), alice)
			c.yes(on("b"), alice) // nothing is said, so it stays under a
			c.no(on("b"), root)
		}},
		{3, func(c *chain) {
			c.yes(on("a", anyOf(alice)), root)
			c.no(on("a", anyOf(alice, bob)), alice)
			c.no(on("a", readByKey(dataKey, 1)), alice)
			c.yes(on("a", anyOf(bob)), root)
			c.no(on("a"), alice)
			c.yes(on("b", under("a")), bob)
			c.yes(on("b", anyOf(alice)), bob) // above b is a
			c.no(on("b", writable(event.WriteInherit)), root)
			c.yes(on("b", writable(event.WriteInherit)), bob)
			c.no(on("b"), alice)
		}},
		{4, func(c *chain) {
			for _, who := range []event.Hash{alice, root} {
				c.yes(on("a", anyOf(alice)), root)
				c.no(on("a", ended), bob)
				c.yes(on("a", ended), who)
				c.no(on("a"), alice) // its authority has ended with it
			}
			c.no(on("never", ended), alice)
			c.yes(on("never", ended), root)
		}},
		{5, func(c *chain) {
			c.yes(on("from", anyOf(alice)), root)
			c.yes(on("to", anyOf(bob)), root)
			c.yes(on("a", under("from"), anyOf(eve)), alice)
			c.no(on("a", under("to")), eve, alice)
			c.no(on("a", under("to")), eve, bob)
			c.no(on("a", under("to")), alice, bob)
			c.yes(on("a", under("from")), eve) // it is there
			c.yes(on("a", under("to")), eve, alice, bob)
			c.yes(on("a", writable(event.WriteInherit)), bob) // above a is to
			c.no(on("a", atTop), bob)
			c.yes(on("a", atTop), bob, root)
			c.no(on("a"), bob)
			c.yes(on("a"), root)
		}},
		{6, func(c *chain) {
			c.check(fault.NotAuthorized, on(RootKey, anyOf(alice)), false, alice)
			c.check("", on(RootKey, anyOf(alice, bob)), false, root)
			c.no(on("a"), root)
			c.yes(on("a"), bob)
		}},
		{7, func(c *chain) {
			c.check(fault.BadRequest, on(event.GenesisKey), false, root)
			c.check(fault.BadRequest, on(event.ReservedPrefix+"x", ended), false, root)
			c.check(fault.BadRequest, on(RootKey+"2", anyOf(alice)), false, root)
		}},
		{8, func(c *chain) {
			c.yes(on("all", writable(event.WriteEveryone)), root)
			c.yes(on("all"))
			c.yes(on("all"), eve)
			c.yes(on("none", writable(event.WriteNobody)), root)
			c.no(on("none"), root)
			c.no(on("x", under("none")), root)
			c.yes(on("none", anyOf(alice, bob)), root)
			c.yes(on("none"), eve, bob)
			c.no(on("none"), eve)
			c.no(on("none"))
			c.no(on("new"))
		}},
		{9, func(c *chain) {
			c.check(fault.NoParent, on("a", under("p")), true, root)
			c.yes(on("p"), root)
			c.yes(on("p", ended), root)
			c.yes(on("a"), root)
			c.check(fault.NoParent, on("a", under("p")), true, root)
		}},
		{10, func(c *chain) {
			c.check(fault.ParentCycle, on("a", under("a")), true, root)
			c.yes(on("a"), root)
			c.check(fault.ParentCycle, on("a", under("a")), true, root)
			c.yes(on("b", under("a")), root)
			c.yes(on("c", under("b")), root)
			c.check(fault.ParentCycle, on("a", under("c")), true, root)
		}},
		{11, func(c *chain) {
			c.deep("a", MaxDepth)
			c.check(fault.TooLarge, on("more", under("a64")), true, root)
			c.yes(on("x"), root)
			c.check(fault.TooLarge, on("x", under("a64")), true, root)
			c.yes(on("y", under("x")), root)
			c.yes(on("x", under("a63")), root) // y is 65 deep now
			c.check(fault.TooLarge, on("y"), true, root)
			c.yes(on("x", atTop), root)
			c.yes(on("y"), root)
		}},
		{12, func(c *chain) {
			c.yes(on("a"), root)
			c.yes(on("b", under("a")), root)
			c.yes(on("c", under("a")), root)
			c.check(fault.HasChildren, on("a", ended), false, root)
			c.yes(on("b", ended), root)
			c.check(fault.HasChildren, on("a", ended), false, root)
			c.yes(on("c", atTop), root)
			c.yes(on("a", ended), root)
		}},
		{13, func(c *chain) {
			c.yes(on("a"), root)
			c.check(fault.BadRequest, on("a", ended), true, root)
			c.check(fault.BadRequest, on("a", ended, atTop), false, root)
		}},
		{14, func(c *chain) {
			c.check(fault.NotEncrypted, on("a", readByKey(dataKey, 2)), true, root)
			c.check("", on("a", readByKey(dataKey, 2)), false, root)
			c.yes(on("b", under("a"), encrypted(dataKey, 2)), root)
			for _, h := range []*eventpb.Header{on("a"), on("b"), on("b", encrypted(dataKey, 1)), on("b", encrypted(dataKey, 3)), on("b", encrypted(otherDataKey, 2))} {
				c.check(fault.NotEncrypted, h, true, root)
			}
			c.check("", on("b"), false, root)
			c.yes(on("a", readByKey(dataKey, 3), encrypted(dataKey, 3)), root)
			c.check(fault.NotEncrypted, on("b", encrypted(dataKey, 2)), true, root)
			c.yes(on("b", readable(event.ReadEveryone)), root)
			c.yes(on("b", encrypted(otherDataKey, 9)), root)
			c.check(fault.NotEncrypted, on("b", readable(event.ReadInherit)), true, root)
			c.yes(on("b", readable(event.ReadInherit), atTop), root)
			c.check(fault.NotEncrypted, on("b", under("a")), true, root)
		}},
		{15, func(c *chain) {
			c.check("", on("a", readByKey(dataKey, 5)), false, root)
			c.check(fault.BadRequest, on("a", readByKey(dataKey, 4)), false, root)
			c.check("", on("a", readByKey(dataKey, 5)), false, root)
			c.check(fault.BadRequest, on("b", under("a"), readByKey(dataKey, 4)), false, root)
			c.check("", on("b", under("a"), readByKey(dataKey, 7)), false, root)
			c.check(fault.BadRequest, on("b", readable(event.ReadInherit)), false, root)
			c.check("", on("c", readByKey(dataKey, 1)), false, root)
			c.check("", on("d", under("a")), false, root)
			c.check(fault.BadRequest, on("d", under("c")), false, root)
			c.check("", on("a", readByKey(otherDataKey, 1)), false, root)
		}},
		{16, func(c *chain) {
			for i := range MaxKeys - 1 {
				c.keys.introduced[event.Hash{byte(i), byte(i >> 8), byte(i >> 16)}] = []byte{1}
			}
			c.check(fault.TooLarge, on("a", introducing(aliceKey, bobKey)), true, root)
			c.check("", on("a", introducing(aliceKey, aliceKey, rootKey)), true, root)
			c.check(fault.TooLarge, on("a", introducing(bobKey)), true, root)
			c.check("", on("a", introducing(aliceKey)), true, root)
		}},
		{17, func(c *chain) {
			for _, h := range []*eventpb.Header{
				on(RootKey), on(RootKey, ended), on(RootKey, anyOf(alice), atTop), on(RootKey, anyOf(alice), readByKey(dataKey, 1)),
				on(RootKey, writable(event.WriteNobody)), on(RootKey, writable(event.WriteInherit)), on(RootKey, readable(event.ReadEveryone)),
			} {
				c.check(fault.BadRequest, h, false, root)
			}
			c.check(fault.BadRequest, on(RootKey, anyOf(alice)), true, root)
		}},
		{18, func(c *chain) {
			c.check("", on(RootKey, writable(event.WriteEveryone)), false, root)
			c.yes(on("a"))
			c.no(on(RootKey, anyOf(root)), root)
			open := chain{c.T, New(event.Genesis{})}
			open.yes(on("a"))
			open.no(on(RootKey, anyOf(eve)), eve)
		}},
		{19, func(c *chain) {
			c.check(fault.BadRequest, on("a", under(event.GenesisKey)), true, root)
			c.check("", on(RootKey, anyOf(root)), false, root)
			c.check(fault.BadRequest, on("a", under(RootKey)), true, root)
		}},
	} {
		t.Run(fmt.Sprint(r.number), func(t *testing.T) { r.test(owned(t)) })
	}
}

// deep makes a tower of objects, from key1 at the top to key<depth>.
func (c *chain) deep(key string, depth int) {
	c.Helper()
	c.yes(on(key+"1"), root)
	for i := 2; i <= depth; i++ {
		c.yes(on(fmt.Sprint(key, i), under(fmt.Sprint(key, i-1))), root)
	}
}

// TestSentences proves that refusals name the object, cut where it is long, and
// who may.
func TestSentences(t *testing.T) {
	c := owned(t)
	long := strings.Repeat("k", 100)
	c.yes(on(long, anyOf(alice, bob, eve, event.Hash{9})), root)
	got := c.check(fault.NotAuthorized, on(long), false, root).Error()
	for _, part := range []string{`"` + strings.Repeat("k", 64) + `"...`, keys.FormatID(alice), keys.FormatID(eve), "1 more"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q lacks %q", got, part)
		}
	}
	c.yes(on("none", writable(event.WriteNobody)), root)
	if got := c.check(fault.NotAuthorized, on("none"), false, root).Error(); !strings.Contains(got, "nobody") {
		t.Errorf("%q does not say nobody", got)
	}
	c.check("", on("secret", readByKey(dataKey, 7)), false, root)
	got = c.check(fault.NotEncrypted, on("secret"), true, root).Error()
	if !strings.Contains(got, `"secret"`) || !strings.Contains(got, dataKey.String()) || !strings.Contains(got, "generation 7") {
		t.Errorf("%q does not say which object and key", got)
	}
}
