package chain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/atedb/atedb/core/chain/chaintest"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// dataLeft returns the data that is stored, oldest first.
func dataLeft(t *testing.T, log *chaintest.Log) string {
	t.Helper()
	var left []string
	for b, err := range event.Records(log.Records()) {
		if err != nil {
			t.Fatal(err)
		}
		for f, err := range b.Events() {
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Data) > 0 && b.First > 0 {
				left = append(left, string(f.Data))
			}
		}
	}
	return strings.Join(left, " ")
}

// TestErase erases what came before an object's newest tombstone that says so: of
// that object, and no other.
func TestErase(t *testing.T) {
	for name, test := range map[string]struct {
		then   func(*fixture) // after a1 b1 a2
		code   fault.Code
		events uint64
		left   string
	}{
		"it lives":               {func(*fixture) {}, fault.NotAuthorized, 0, "a1 b1 a2"},
		"it ended":               {func(f *fixture) { f.do(newCommit(9, put{"a", "", true})) }, fault.NotAuthorized, 0, "a1 b1 a2"},
		"it ended, to be erased": {func(f *fixture) { f.endToErase(9, "a") }, "", 2, "b1"},
		"another one is":         {func(f *fixture) { f.endToErase(9, "b") }, fault.NotAuthorized, 0, "a1 b1 a2"},
		"it was made anew since": {func(f *fixture) { f.endToErase(8, "a"); f.do(newCommit(9, put{"a", "a3", false})) }, "", 2, "b1 a3"},
		"it ended twice, to be so": {func(f *fixture) {
			f.endToErase(7, "a")
			f.do(newCommit(8, put{"a", "a3", false}))
			f.endToErase(9, "a")
		}, "", 3, "b1"},
		"the second end is another": {func(f *fixture) {
			f.endToErase(7, "a")
			f.do(newCommit(8, put{"a", "a3", false}))
			f.do(newCommit(9, put{"a", "", true}))
		}, "", 2, "b1 a3"},
		"nothing is left of it": {func(f *fixture) { f.log.DropIf(func(seq event.Seq) bool { return seq == 1 || seq == 3 }) }, "", 0, "b1"},
	} {
		f := newFixture(t)
		for i, s := range []string{"a1", "b1", "a2"} {
			f.do(newCommit(byte(i), put{s[:1], s, false}))
		}
		test.then(f)
		for range 2 {
			events, err := f.Erase(t.Context(), []byte("a"))
			if fault.CodeOf(err) != test.code || events != test.events {
				t.Errorf("%s: erased %d, %v", name, events, err)
			}
			if left := dataLeft(t, f.log); left != test.left {
				t.Errorf("%s: left is %s, want %s", name, left, test.left)
			}
			test.events = 0 // the next time
		}
	}
}

func (f *fixture) endToErase(id byte, key string) {
	f.t.Helper()
	f.do(withHeader(id, event.Header{Key: []byte(key), Tombstone: true, Erase: true}, ""))
}

// TestErasureIsPaced reads the chain once, and tells what it reads, also for whoever
// may have nothing erased; it ends when it is told to.
func TestErasureIsPaced(t *testing.T) {
	f := newFixture(t)
	const size = 100_000
	for i := range byte(50) {
		f.do(newCommit(i, put{fmt.Sprint(i), strings.Repeat("x", size), false}))
	}
	read, enough := 0, errors.New("that is enough")
	f.pace = func() func(context.Context, int) error {
		return func(_ context.Context, bytes int) error {
			if read += bytes; read > 70*size {
				return enough
			}
			return nil
		}
	}
	if _, err := f.Erase(t.Context(), []byte("7")); !fault.Is(err, fault.NotAuthorized) || read < 50*size || read > 51*size {
		t.Errorf("after %d bytes: %v", read, err)
	}
	if _, err := f.Erase(t.Context(), []byte("8")); !errors.Is(err, enough) {
		t.Errorf("after %d bytes: %v", read, err)
	}
}
