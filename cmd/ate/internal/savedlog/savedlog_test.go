package savedlog

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
)

type section struct {
	kind    Kind
	payload string
}

var example = []section{{Server, "key"}, {Checkpoint, "note"}, {Leaves, strings.Repeat("\x00", 32) + strings.Repeat("\x01", 32)}}

func written(tb testing.TB, sections ...section) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, s := range sections {
		if err := w.Write(s.kind, []byte(s.payload)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// read returns the sections before the end, and how reading ended.
func read(b []byte) (sections []section, err error) {
	r, err := NewReader(bytes.NewReader(b))
	for err == nil {
		kind, payload, offset, next := r.Next()
		if err = next; err != nil {
			break
		}
		if kind == End {
			return sections, nil
		}
		if !bytes.Equal(b[offset:][:len(payload)], payload) {
			panic("the offset is not that of the payload")
		}
		sections = append(sections, section{kind, string(payload)})
	}
	return sections, err
}

// TestExample is the example of the package comment, byte for byte.
func TestExample(t *testing.T) {
	want := "41544544422d4c4f472f310a" +
		"53" + "03000000" + "6b6579" +
		"43" + "04000000" + "6e6f7465" +
		"4c" + "40000000" + strings.Repeat("00", 32) + strings.Repeat("01", 32) +
		"45" + "00000000"
	if got := hex.EncodeToString(written(t, example...)); got != want {
		t.Errorf("written is %s, want %s", got, want)
	}
	raw, err := hex.DecodeString(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := read(raw)
	if err != nil || len(got) != 3 || got[0] != example[0] || got[1] != example[1] || got[2] != example[2] {
		t.Errorf("read is %q, %v", got, err)
	}
}

// TestAfterTheEnd: who reads on is told of the end again.
func TestAfterTheEnd(t *testing.T) {
	r, err := NewReader(bytes.NewReader(written(t)))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if kind, _, _, err := r.Next(); kind != End || err != nil {
			t.Errorf("got %q, %v", kind, err)
		}
	}
}

// TestCutShort: a log cut anywhere is damaged, or not begun, and never ends well.
func TestCutShort(t *testing.T) {
	whole := written(t, append(example, section{Records, "r"})...)
	for n := range whole {
		want := fault.Damaged
		if n < len(magic) {
			want = fault.BadRequest
		}
		if _, err := read(whole[:n]); !fault.Is(err, want) {
			t.Errorf("cut to %d of %d bytes: %v, want %s", n, len(whole), err, want)
		}
	}
}

// TestRefused: what is no saved log is refused in a sentence that says why.
func TestRefused(t *testing.T) {
	whole := written(t, example...)
	with := func(at int, b ...byte) []byte {
		bad := bytes.Clone(whole)
		copy(bad[at:], b)
		return bad
	}
	s, c, l, r := section{Server, "s"}, section{Checkpoint, "c"}, section{Leaves, "l"}, section{Records, "r"}
	for name, test := range map[string]struct {
		log  []byte
		code fault.Code
		says string
	}{
		"another file":         {[]byte("ATEDB-EXPORT/1\n"), fault.BadRequest, "is no saved log"},
		"nothing":              {nil, fault.BadRequest, "is no saved log"},
		"later version":        {with(10, '2'), fault.Unsupported, "of a later version"},
		"unknown kind":         {with(12, 'X'), fault.Damaged, "offset 12 is of an unknown kind, 'X'"},
		"kind zero":            {with(12, 0), fault.Damaged, "of an unknown kind"},
		"endless section":      {with(13, 255, 255, 255, 255), fault.Damaged, "says that it has 4294967295 bytes"},
		"longer than the file": {with(13, 0, 0, 0, 1), fault.Damaged, "the file ends in the section at offset 12"},
		"something at the end": {append(bytes.Clone(whole), 0), fault.Damaged, "something follows the end"},
		"an end with content":  {append(bytes.Clone(whole[:len(whole)-4]), 1, 0, 0, 0, 7), fault.Damaged, "something follows the end"},
		"key after checkpoint": {written(t, c, s), fault.Damaged, "is of kind 'S' and comes after one of kind 'C'"},
		"leaves after records": {written(t, s, c, r, l), fault.Damaged, "is of kind 'L' and comes after one of kind 'R'"},
		"two keys":             {written(t, s, s), fault.Damaged, "is of kind 'S' and comes after one of kind 'S'"},
		"two checkpoints":      {written(t, s, c, c), fault.Damaged, "is of kind 'C' and comes after one of kind 'C'"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(test.log)
			if !fault.Is(err, test.code) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %s that says %q", err, test.code, test.says)
			}
		})
	}
	if got, err := read(written(t, s, c, l, l, r, r)); err != nil || len(got) != 6 {
		t.Errorf("several leaves and records: %q, %v", got, err)
	}
	w := NewWriter(&bytes.Buffer{})
	if err := w.Write(Leaves, make([]byte, maxSection+1)); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a section that no reader takes is written: %v", err)
	}
}

// FuzzReader: no bytes make the reader fail in another way than it says, and
// what it reads is written as the same bytes.
func FuzzReader(f *testing.F) {
	f.Add(written(f, example...))
	f.Add(written(f, append(example, section{Records, "r"}, section{Records, ""})...))
	f.Add(written(f)[:len(magic)])
	f.Fuzz(func(t *testing.T, b []byte) {
		sections, err := read(b)
		if err != nil {
			if !fault.Is(err, fault.Damaged) && !fault.Is(err, fault.BadRequest) && !fault.Is(err, fault.Unsupported) {
				t.Errorf("another fault: %v", err)
			}
			return
		}
		if !bytes.Equal(written(t, sections...), b) {
			t.Errorf("%x is written differently", b)
		}
	})
}
