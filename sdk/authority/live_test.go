package authority_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

func ExampleLiveObjects_Live() {
	t := authority.New(event.Genesis{})
	for seq, key := range []string{"a", "b", "a"} {
		if err := t.Apply(event.Seq(1+seq), &eventpb.Header{Key: []byte(key)}); err != nil {
			panic(err)
		}
	}
	live := t.LiveObjects().Live(4)
	fmt.Println(live.Header().Labels)
	// Output:
	// map[begin:4 objects:2 root:d5e8a4f117e579e74124878791d01c8e547845b7da3ad41ee3f8d0a429b2d131]
}

// TestLiveByHand computes the root of two objects as the package comment says.
func TestLiveByHand(t *testing.T) {
	tree := authority.New(event.Genesis{RootKeys: [][]byte{[]byte("owner")}})
	owner := []event.Hash{event.KeyID([]byte("owner"))}
	for seq, h := range []*eventpb.Header{
		{Key: []byte("a")}, {Key: []byte("gone")}, {Key: []byte("b")}, {Key: []byte("a")}, {Key: []byte("gone"), Tombstone: true},
	} {
		if err := tree.Judge(event.Seq(1+seq), h, !h.Tombstone, owner); err != nil {
			t.Fatal(err)
		}
	}
	begin := authority.LiveBegin()
	own := decoded(t, &begin)
	if err := tree.StageOwn(6, own); err != nil {
		t.Fatal(err)
	}
	tree.Settle()
	leaf := func(key string, seq uint64) [32]byte {
		id := sha256.Sum256([]byte(key))
		b := append([]byte("\x00AteDB live v1"), id[:16]...)
		return sha256.Sum256(binary.LittleEndian.AppendUint64(b, seq))
	}
	a, b := leaf("a", 4), leaf("b", 3) // SHA-256 of "b" begins with 3e, that of "a" with ca
	root := sha256.Sum256(append(append([]byte{1}, b[:]...), a[:]...))
	if got, want := tree.LiveObjects().Live(6), (authority.Live{Begin: 6, Objects: 2, Root: root}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func decoded(t *testing.T, h *event.Header) *eventpb.Header {
	t.Helper()
	encoded, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	pb := new(eventpb.Header)
	if err := event.UnmarshalHeader(encoded, pb); err != nil {
		t.Fatal(err)
	}
	return pb
}

// TestOwnEvents takes the server's events from the server alone, and in their
// shape alone.
func TestOwnEvents(t *testing.T) {
	live := authority.Live{Begin: 5, Objects: 7, Root: event.Hash{1}}
	header, begin := live.Header(), authority.LiveBegin()
	for _, h := range []*eventpb.Header{decoded(t, &header), decoded(t, &begin)} {
		tree := authority.New(event.Genesis{})
		if err := tree.Judge(1, h, false, nil); !fault.Is(err, fault.BadRequest) {
			t.Errorf("a client wrote %s: %v", h.Key, err)
		}
		if err := tree.StageOwn(1, h); err != nil {
			t.Error(err)
		}
		h.Tombstone = true
		if err := tree.StageOwn(2, h); err == nil {
			t.Errorf("a tombstone of %s was taken", h.Key)
		}
		if err := tree.Apply(2, h); !fault.Is(err, fault.Damaged) {
			t.Errorf("a stored tombstone of %s: %v", h.Key, err)
		}
	}
	if err := authority.New(event.Genesis{}).StageOwn(1, &eventpb.Header{Key: []byte("other")}); err == nil {
		t.Error("an object of others was taken as the server's own")
	}
	if got, err := authority.ParseLive(decoded(t, &header)); err != nil || got != live {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, change := range map[string]func(map[string]string){
		"no root":      func(l map[string]string) { delete(l, "root") },
		"short root":   func(l map[string]string) { l["root"] = "00" },
		"no number":    func(l map[string]string) { l["objects"] = "many" },
		"negative":     func(l map[string]string) { l["begin"] = "-1" },
		"another more": func(l map[string]string) { l["more"] = "" },
	} {
		h := live.Header()
		change(h.Labels)
		if _, err := authority.ParseLive(decoded(t, &h)); !fault.Is(err, fault.Damaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkLive is what it costs to say what lives of a million objects.
func BenchmarkLive(b *testing.B) {
	tree := authority.New(event.Genesis{})
	key := make([]byte, 8)
	for i := range uint64(1_000_000) {
		binary.LittleEndian.PutUint64(key, i)
		if err := tree.Apply(event.Seq(1+i), &eventpb.Header{Key: key}); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("copy", func(b *testing.B) {
		for b.Loop() {
			tree.LiveObjects()
		}
	})
	objects := tree.LiveObjects()
	b.Run("root", func(b *testing.B) {
		for b.Loop() {
			objects.Live(1)
		}
	})
}

// TestContinue: objects may follow on earlier ones if none has an older event, or
// one that should have been known.
func TestContinue(t *testing.T) {
	objects := func(seqs map[string]event.Seq) authority.LiveObjects {
		tree := authority.New(event.Genesis{})
		for seq := range event.Seq(20) {
			for key, at := range seqs {
				if at == seq {
					if err := tree.Apply(seq, &eventpb.Header{Key: []byte(key)}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		return tree.LiveObjects()
	}
	earlier := objects(map[string]event.Seq{"a": 3, "b": 5, "c": 9})
	for name, test := range map[string]struct {
		now  map[string]event.Seq
		want bool
	}{
		"the same":                       {map[string]event.Seq{"a": 3, "b": 5, "c": 9}, true},
		"newer ones, and new ones":       {map[string]event.Seq{"a": 10, "b": 12, "c": 9, "d": 11}, true},
		"some have ended":                {map[string]event.Seq{"c": 9}, true},
		"all have ended":                 {nil, true},
		"an older event":                 {map[string]event.Seq{"a": 2, "b": 5, "c": 9}, false},
		"a newer one that was not known": {map[string]event.Seq{"a": 8, "b": 5, "c": 9}, false},
		"an object that was not known":   {map[string]event.Seq{"a": 3, "b": 5, "c": 9, "d": 1}, false},
		"another object's":               {map[string]event.Seq{"a": 5, "b": 3, "c": 9}, false},
	} {
		if got := objects(test.now).Continue(earlier, 10); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
