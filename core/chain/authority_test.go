package chain

import (
	"fmt"
	"testing"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// by has a commit come from a connection that has proven keys.
func by(c *Commit, keys ...string) *Commit {
	for _, key := range keys {
		c.Writer.Proven = append(c.Writer.Proven, event.KeyID([]byte(key)))
	}
	return c
}

// writers is the authority of the owners of keys.
func writers(keys ...string) event.WriteAuthority {
	w := event.WriteAuthority{Kind: event.WriteAnyOf}
	for _, key := range keys {
		w.Keys = append(w.Keys, event.KeyID([]byte(key)))
	}
	return w
}

// join makes one commit of several.
func join(id byte, commits ...*Commit) *Commit {
	c := &Commit{ID: event.CommitID{id}}
	for _, part := range commits {
		c.Count += part.Count
		c.Frames = append(c.Frames, part.Frames...)
	}
	return c
}

// TestConnectionsWriteWithTheirKeysAlone has each connection write what its own
// keys allow, also when others with other keys are in the same round.
func TestConnectionsWriteWithTheirKeysAlone(t *testing.T) {
	f := newFixture(t, []byte("owner"))
	for i, name := range []string{"joe", "ann"} {
		c := withHeader(byte(i), event.Header{Key: []byte(name), Write: writers(name)}, "")
		f.want(f.do(by(c, "owner")), event.Seq(1+i), event.Seq(2+i))
	}
	write := func(id byte, object string, keys ...string) *Commit {
		return by(newCommit(id, put{object, "v", false}), keys...)
	}
	results := f.roundBehind(by(newCommit(200, put{"l", "", false}), "owner"),
		write(10, "joe", "joe"), write(11, "joe", "ann"), write(12, "joe", "ann", "joe"), write(13, "ann", "ann"),
		write(14, "ann"), write(15, "joe", "owner"), write(16, "top", "joe"), write(17, "ann", "joe"))
	next := event.Seq(4)
	for i, good := range []bool{true, false, true, true, false, false, false, false} {
		if !good {
			f.refuse(results[i], fault.NotAuthorized)
			continue
		}
		f.want(results[i], next, next+1)
		next++
	}
	resolved, err := f.Authority([]byte("joe"), nil)
	if err != nil || fmt.Sprint(resolved.Write) != fmt.Sprint(writers("joe")) {
		t.Errorf("the authority of joe is %+v, %v", resolved, err)
	}
	if err := f.MayWriteTop(by(&Commit{}, "joe").Writer.Proven); !fault.Is(err, fault.NotAuthorized) {
		t.Errorf("joe at the top: %v", err)
	}
}

// TestOrderWithinACommit has each event judged by what those before it did.
func TestOrderWithinACommit(t *testing.T) {
	f := newFixture(t, []byte("owner"))
	parent := withHeader(0, event.Header{Key: []byte("parent"), Write: writers("joe")}, "")
	child := withHeader(0, event.Header{Key: []byte("child"), Parent: event.Parent{Key: []byte("parent")}}, "")
	wrongOrder := f.do(by(join(1, child, parent), "owner", "joe"))
	if f.refuse(wrongOrder, fault.NoParent); wrongOrder.Event != 0 {
		t.Errorf("event %d is at fault", wrongOrder.Event)
	}
	outsider := f.do(by(join(2, parent, child), "owner"))
	if f.refuse(outsider, fault.NotAuthorized); outsider.Event != 1 {
		t.Errorf("event %d is at fault", outsider.Event)
	}
	if f.Next() != 1 || f.Objects() != 1 {
		t.Errorf("next is %d, %d objects", f.Next(), f.Objects())
	}
	f.want(f.do(by(join(3, parent, child), "owner", "joe")), 1, 3)
}

// TestRefusedCommitLeavesNoTrace refuses a commit at its last event: what the
// ones before it did must not help the next commit of the round.
func TestRefusedCommitLeavesNoTrace(t *testing.T) {
	f := newFixture(t, []byte("owner"))
	open := withHeader(0, event.Header{Key: []byte("open"), Write: event.WriteAuthority{Kind: event.WriteEveryone}}, "")
	root := withHeader(0, event.Header{Key: []byte(authority.RootKey), Write: writers("thief")}, "")
	bad := newCommit(0, put{"\x00atedb/other", "", false})
	expects := newCommit(4, put{"other", "", false})
	expects.Expected = []Expected{{Key: []byte("open")}}
	results := f.roundBehind(by(newCommit(200, put{"l", "", false}), "owner"),
		by(join(1, open, root, bad), "owner"),
		by(newCommit(2, put{"open", "anyone", false}), "thief"),
		by(newCommit(3, put{"x", "", false}), "thief"),
		by(expects, "owner"))
	f.refuse(results[0], fault.BadRequest)
	if results[0].Event != 2 {
		t.Errorf("event %d is at fault", results[0].Event)
	}
	f.refuse(results[1], fault.NotAuthorized)
	f.refuse(results[2], fault.NotAuthorized)
	f.want(results[3], 2, 3)
}

// TestFailedStoreLeavesTheTreeAsItWas has a round of changed authorities fail in
// storage: all of them are forgotten.
func TestFailedStoreLeavesTheTreeAsItWas(t *testing.T) {
	f := newFixture(t, []byte("owner"))
	f.want(f.do(by(newCommit(1, put{"k", "v", false}), "owner")), 1, 2)
	f.log.OnAppend = func([]byte) (int, error) { return 0, fault.New(fault.DiskFull, "no space") }
	root := withHeader(2, event.Header{Key: []byte(authority.RootKey), Write: writers("heir"), Keys: [][]byte{[]byte("heir's public key")}}, "")
	results := f.roundBehind(by(newCommit(200, put{"k", "w", false}), "owner"), by(root, "owner"), by(newCommit(3, put{"k", "mine", false}), "heir"), by(newCommit(4, put{"k", "", true}), "heir"))
	for _, r := range results {
		f.refuse(r, fault.DiskFull)
	}
	f.log.OnAppend = nil
	failed := f.Chain
	f.open()
	if got, want := failed.tree.AppendSnapshot(nil), f.tree.AppendSnapshot(nil); len(got) != len(want) || failed.Head() != f.Head() {
		t.Errorf("the chain has head %s, and %s when it is opened again", failed.Head(), f.Head())
	}
	f.Chain = failed
	f.refuse(f.do(by(newCommit(5, put{"k", "mine", false}), "heir")), fault.NotAuthorized)
	f.want(f.do(by(newCommit(6, put{"k", "still mine", false}), "owner")), 3, 4)
}

// TestAuthorityAfterOpening has all that was attached be in force after opening,
// from the log and from a snapshot.
func TestAuthorityAfterOpening(t *testing.T) {
	for _, snapshot := range []bool{false, true} {
		f := newFixture(t, []byte("owner"))
		f.want(f.do(by(withHeader(1, event.Header{Key: []byte("parent"), Write: writers("joe")}, ""), "owner")), 1, 2)
		if snapshot {
			f.save()
		}
		child := withHeader(2, event.Header{Key: []byte("child"), Parent: event.Parent{Key: []byte("parent")}}, "")
		f.want(f.do(by(child, "joe")), 2, 3)
		f.open()
		f.refuse(f.do(by(newCommit(3, put{"child", "v", false}), "owner")), fault.NotAuthorized)
		f.want(f.do(by(newCommit(4, put{"child", "v", false}), "joe")), 3, 4)
		f.refuse(f.do(by(newCommit(5, put{"parent", "", true}), "joe")), fault.HasChildren)
	}
}
