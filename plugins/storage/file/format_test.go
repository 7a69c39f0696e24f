package file

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// TestGolden has the files' fixed parts byte for byte, as the package comment
// describes them.
func TestGolden(t *testing.T) {
	var (
		store = uint64(0x0807060504030201)
		chain = uint64(0x1817161514131211)
		x     = index{{first: 7, offset: 40}, {first: 9, offset: 0x9000}}
		seg   = &segment{number: 2, first: 3, next: 9, events: 5, size: 4096}
	)
	for _, test := range []struct {
		what      string
		got, want []byte
	}{
		{"FORMAT", encodeFormat(store), unhex("41746553746f7265 01000000 0102030405060708 8cdfd9cd")},
		{"journal header", encodeJournalHeader(stateLive, store, 5, 1<<20)[:journalHeader], unhex("4174654a6f75726e 01000000 01000000 0102030405060708 0500000000000000 0000100000000000 bdf9599e")},
		{"segment header", encodeSegmentHeader(chain, 2, 3), unhex("4174655365676d74 01000000 1112131415161718 0200000000000000 0300000000000000 02267555")},
		{"footer", x.encode(), unhex("417465496e646578 01000000 02000000 ba2b0f13 0700000000000000 2800000000000000 0900000000000000 0090000000000000")},
		{"CHAIN", (&manifest{chain: chain, active: 4, first: 9, closed: []*segment{seg}}).encode(), unhex("417465436861696e 01000000 01000000 1112131415161718 0400000000000000 0900000000000000 0200000000000000 0300000000000000 0900000000000000 0500000000000000 0010000000000000 023ac3d6")},
		{"blob", encodeBlob([]byte("hi")), unhex("417465426c6f6200 01000000 c2d99df5 6869")},
	} {
		if !bytes.Equal(test.got, test.want) {
			t.Errorf("%s is\n%x\nwant\n%x", test.what, test.got, test.want)
		}
	}
}

func testRound(number uint64) []byte {
	entries := []entry{
		{chain: 17, name: "g/a", records: storagetest.Records(0, 2, 3, 20)},
		{chain: 18, name: "example.com/joe/db", records: storagetest.Record(7, 1, 0)},
	}
	b := make([]byte, 0, 2*block)
	return appendRound(b, 99, number, entries, func(int, []byte) {})
}

func TestRound(t *testing.T) {
	b := testRound(5)
	head, entries, err := parseRound(append(b, "what follows"...), 99)
	if err != nil || head.number != 5 || head.size != len(b) || len(entries) != 2 {
		t.Fatalf("got %+v, %d entries, %v", head, len(entries), err)
	}
	if e := entries[1]; e.chain != 18 || e.name != "example.com/joe/db" || !bytes.Equal(e.records, storagetest.Record(7, 1, 0)) {
		t.Errorf("the second entry is %+v", e)
	}
	if _, _, err := parseRound(b, 98); err == nil {
		t.Error("a round of another store was accepted")
	}
	for i := range b {
		b[i] ^= 4
		if _, _, err := parseRound(b, 99); err == nil {
			t.Errorf("a round with byte %d changed was accepted", i)
		}
		b[i] ^= 4
		if _, _, err := parseRound(b[:i], 99); err == nil {
			t.Errorf("a round cut short at %d was accepted", i)
		}
	}
}

// TestTornRound has a journal whose last round is torn, over the remains of a
// round of an earlier use of the file: the former is cut off and reported, the
// latter never seen.
func TestTornRound(t *testing.T) {
	fs := vfs.NewCrashableMem()
	died := unsettled(t, fs, []string{"g/a"}, 0, 3)
	live := filesOf(t, died, "/data/store/journal", "JOURNAL")[0]
	b := content(t, died, live)
	round := b[3*block : 4*block] // the third
	stale := slices.Clone(b[2*block : 3*block])
	copy(b[4*block:], stale)
	clear(round[roundHeader+200:])
	log := new(bytes.Buffer)
	options := tiny(died)
	options.Logger = hclog.New(&hclog.LoggerOptions{Output: log})
	s := open(t, options)
	if got := readChain(t, mustOpen(t, s, "g/a")); got.next != 2 || !bytes.Equal(got.records, storagetest.Records(0, 2, 1, 400)) {
		t.Errorf("the chain has%s", seqs(got.records))
	}
	shutdown(t, s)
	if text := log.String(); !strings.Contains(text, "is cut off") || !strings.Contains(text, "file="+live) || !strings.Contains(text, "offset=12288") {
		t.Errorf("the log says %q", text)
	}
}

func FuzzParseRound(f *testing.F) {
	f.Add(testRound(1))
	f.Fuzz(func(t *testing.T, b []byte) {
		head, entries, err := parseRound(b, 99)
		if err != nil {
			return
		}
		again := appendRound(make([]byte, 0, head.size), 99, head.number, entries, func(int, []byte) {})
		if !bytes.Equal(again, b[:head.size]) {
			t.Error("an accepted round is not what it would be written as")
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add((&manifest{chain: 1, active: 4, first: 9, closed: []*segment{{number: 2}}}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseManifest("dir", b)
		if err == nil && !bytes.Equal(m.encode()[12:], b[12:]) {
			t.Error("an accepted CHAIN file is not what it would be written as")
		}
	})
}

func FuzzParseIndex(f *testing.F) {
	f.Add(index{{1, 40}, {9, 4000}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := parseIndex(b)
		if err == nil && !bytes.Equal(x.encode(), b) {
			t.Error("an accepted footer is not what it would be written as")
		}
	})
}

func FuzzSegment(f *testing.F) {
	f.Add(storagetest.Records(0, 3, 2, 10))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newSegment("dir", 1, 0)
		file := append(encodeSegmentHeader(1, 1, 0), b...)
		err := s.scan(bytes.NewReader(file), int64(len(file)), noJournal, false)
		if err == nil && s.size != int64(len(file)) || s.size > int64(len(file)) {
			t.Errorf("of %d bytes %d were taken, %v", len(file), s.size, err)
		}
		for batch, err := range event.Records(b[:s.size-segmentHeader]) {
			if err != nil || batch.Next() > s.next {
				t.Errorf("what was taken has seq %d of %d, %v", batch.First, s.next, err)
			}
		}
	})
}
