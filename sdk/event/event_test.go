package event

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/atedb/atedb/sdk/event/eventpb"
	"github.com/atedb/atedb/sdk/fault"
)

// ExampleBatch_AppendRecord is the worked example of the format.
func ExampleBatch_AppendRecord() {
	header := []byte{0x0a, 0x01, 'k'} // key (field 1, bytes): "k"
	batch := Batch{
		First: 7, Time: 1_700_000_000_000_000, Commit: CommitID{15: 0xee}, Count: 1,
		Frames: AppendFrame(nil, header, []byte("hi")),
	}
	record := batch.AppendRecord(nil)
	for _, field := range []struct {
		name string
		size int
	}{
		{"length of the batch", 4}, {"CRC-32C", 4},
		{"first seq", 8}, {"time", 8}, {"commit id", 16}, {"events", 4}, {"offset", 4}, {"length of the evidence", 4},
		{"length of the header", 4}, {"length of the data", 4}, {"header", 3}, {"data", 2},
	} {
		fmt.Printf("%-32x %s\n", record[:field.size], field.name)
		record = record[field.size:]
	}
	// Output:
	// 39000000                         length of the batch
	// a38e2f33                         CRC-32C
	// 0700000000000000                 first seq
	// 00401e18240a0600                 time
	// 000000000000000000000000000000ee commit id
	// 01000000                         events
	// 00000000                         offset
	// 00000000                         length of the evidence
	// 03000000                         length of the header
	// 02000000                         length of the data
	// 0a016b                           header
	// 6869                             data
}

func sample() Batch {
	frames := AppendFrame(nil, []byte("h1"), []byte("data"))
	frames = AppendFrame(frames, []byte("h2"), nil)
	frames = (&Frame{Header: []byte("h3"), Data: make([]byte, 1000), DataLen: 1000}).Omit(frames)
	return Batch{First: 42, Time: 99, Commit: CommitID{1, 2}, Count: 3, Evidence: []byte("seal"), Frames: frames}
}

func TestRecordRoundTrip(t *testing.T) {
	want := sample()
	raw := want.AppendRecord([]byte("before"))[len("before"):]
	raw = append(raw, "after"...)
	got, rest, err := CutRecord(raw)
	if err != nil {
		t.Fatal(err)
	}
	if string(rest) != "after" || got.First != 42 || got.Time != 99 || got.Commit != want.Commit || got.Count != 3 ||
		string(got.Evidence) != "seal" || !bytes.Equal(got.Frames, want.Frames) {
		t.Errorf("got %+v, rest %q", got, rest)
	}
	var seen []string
	for f, err := range got.Events() {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, fmt.Sprintf("%s=%s/%d/%v", f.Header, f.Data, f.DataLen, f.Omitted))
	}
	if got := strings.Join(seen, " "); got != "h1=data/4/false h2=/0/false h3=/1000/true" {
		t.Error(got)
	}
	first, count, size, err := PeekRecord(raw)
	if err != nil || first != 42 || count != 3 || size != len(raw)-len("after") {
		t.Errorf("peek: %d, %d, %d, %v", first, count, size, err)
	}
}

// TestEveryFlippedBitIsNoticed is what the checksum is for.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	b := sample()
	raw := b.AppendRecord(nil)
	for bit := range len(raw) * 8 {
		bad := bytes.Clone(raw)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, _, err := CutRecord(bad); !fault.Is(err, fault.Damaged) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
	for n := range raw {
		if _, _, err := CutRecord(raw[:n]); !fault.Is(err, fault.Damaged) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

// seal gives a damaged batch a good checksum, as a hostile writer would.
func seal(batch []byte) []byte {
	raw := binary.LittleEndian.AppendUint32(nil, uint32(len(batch)))
	raw = binary.LittleEndian.AppendUint32(raw, Checksum(batch))
	return append(raw, batch...)
}

func TestCutRecordRefusesWhatTheChecksumAllows(t *testing.T) {
	b := sample()
	good := b.AppendRecord(nil)[RecordHeader:]
	for name, change := range map[string]func([]byte){
		"no events":               func(b []byte) { binary.LittleEndian.PutUint32(b[32:], 0) },
		"too many events":         func(b []byte) { binary.LittleEndian.PutUint32(b[32:], MaxBatchEvents+1) },
		"offset over the limit":   func(b []byte) { binary.LittleEndian.PutUint32(b[36:], MaxBatchEvents) },
		"evidence past the end":   func(b []byte) { binary.LittleEndian.PutUint32(b[40:], uint32(len(b))) },
		"evidence over the limit": func(b []byte) { binary.LittleEndian.PutUint32(b[40:], 1<<31) },
	} {
		bad := bytes.Clone(good)
		change(bad)
		if _, _, err := CutRecord(seal(bad)); !fault.Is(err, fault.Damaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCutFrameRefuses(t *testing.T) {
	lengths := func(h, d uint32) []byte {
		b := binary.LittleEndian.AppendUint32(nil, h)
		b = binary.LittleEndian.AppendUint32(b, d)
		return append(b, make([]byte, 100)...)
	}
	for name, test := range map[string]struct {
		raw  []byte
		code fault.Code
	}{
		"empty":                 {nil, fault.BadMessage},
		"cut header":            {make([]byte, 7), fault.BadMessage},
		"no header":             {lengths(0, 5), fault.BadMessage},
		"long header":           {lengths(MaxHeader+1, 0), fault.TooLarge},
		"header past the end":   {lengths(101, 0), fault.BadMessage},
		"data past the end":     {lengths(50, 51), fault.BadMessage},
		"reserved bit, header":  {lengths(1<<24|5, 0), fault.BadMessage},
		"omitted bit in header": {lengths(1<<31|5, 0), fault.BadMessage},
		"reserved bit, data":    {lengths(5, 1<<30|5), fault.BadMessage},
	} {
		if _, _, err := CutFrame(test.raw); !fault.Is(err, test.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	want := Header{
		Key: []byte("key"), Tombstone: true, Type: "note", ReplyTo: []byte("other"), Time: time.UnixMicro(1234567),
		Parent: Parent{Key: []byte("parent"), Collection: "children"}, Labels: map[string]string{"a": "1", "b": "2"},
	}
	raw, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeHeader(raw)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v, %v", got, err)
	}
	// The reflecting codec is the second implementation.
	var pb eventpb.Header
	if err := proto.Unmarshal(raw, &pb); err != nil || string(pb.Parent.Collection) != "children" || pb.Labels["b"] != "2" {
		t.Errorf("got %v, %v", &pb, err)
	}
}

func TestHeaderLimits(t *testing.T) {
	for name, test := range map[string]struct {
		header Header
		code   fault.Code
	}{
		"no key":         {Header{}, fault.BadRequest},
		"long key":       {Header{Key: make([]byte, MaxKey+1)}, fault.TooLarge},
		"parent, no key": {Header{Key: []byte("k"), Parent: Parent{Collection: "c"}}, fault.BadRequest},
		"long reply-to":  {Header{Key: []byte("k"), ReplyTo: make([]byte, MaxKey+1)}, fault.TooLarge},
		"long labels":    {Header{Key: []byte("k"), Labels: map[string]string{"a": strings.Repeat("x", MaxHeader)}}, fault.TooLarge},
	} {
		if _, err := test.header.Encode(); !fault.Is(err, test.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := DecodeHeader([]byte{0x0a, 0xff}); !fault.Is(err, fault.BadMessage) {
		t.Error(err)
	}
}

func TestReadingHeadersTakesNoMemory(t *testing.T) {
	raw, err := (&Header{Key: []byte("some-key"), Type: "t", Time: time.UnixMicro(5)}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	var pb eventpb.Header
	if n := testing.AllocsPerRun(100, func() {
		if err := UnmarshalHeader(raw, &pb); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestLeafHash follows the package comment step by step.
func TestLeafHash(t *testing.T) {
	chain := ChainID{31: 1}
	header, data := []byte("header"), []byte("some data")
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(chain[:])
	for _, part := range [][]byte{header, data} {
		sum := sha256.Sum256(part)
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(part))))
		h.Write(sum[:])
	}
	if got := LeafHash(chain, header, data); !bytes.Equal(got[:], h.Sum(nil)) {
		t.Errorf("got %x", got)
	}
}

func TestGenesisRoundTrip(t *testing.T) {
	want := NewGenesis("example.com/joe/mydb", Centralized, [][]byte{[]byte("key 1"), []byte("key 2")})
	frame, id, err := want.Frame()
	if err != nil {
		t.Fatal(err)
	}
	f, rest, err := CutFrame(frame)
	if err != nil || len(rest) != 0 {
		t.Fatal(err)
	}
	got, gotID, err := ParseGenesis(f)
	if err != nil || gotID != id || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v, %s, %v", got, hex.EncodeToString(gotID[:]), err)
	}
	if again := NewGenesis(want.Name, want.Trust, want.RootKeys); again.Nonce == want.Nonce {
		t.Error("two chains of one name have one nonce")
	}
	for name, f := range map[string]Frame{
		"no genesis": {Header: []byte{0x0a, 1, 'k'}, Data: f.Data},
		"no data":    {Header: f.Header},
		"bad data":   {Header: f.Header, Data: []byte{0xff}},
		"omitted":    {Header: f.Header, Omitted: true},
		"cut data":   {Header: f.Header, Data: f.Data[:len(f.Data)-3]},
	} {
		if _, _, err := ParseGenesis(f); !fault.Is(err, fault.Damaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	b := sample()
	f.Add(b.AppendRecord(nil)[RecordHeader:])
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > MaxBatch {
			return
		}
		batch, rest, err := CutRecord(seal(raw))
		if err != nil {
			return
		}
		if len(rest) != 0 || !bytes.Equal(batch.AppendRecord(nil), seal(raw)) {
			t.Error("a record does not encode to what it was parsed from")
		}
		for fr, err := range batch.Events() {
			if err != nil {
				break
			}
			if _, err := DecodeHeader(fr.Header); err == nil && len(fr.Header) == 0 {
				t.Error("an empty header was accepted")
			}
		}
	})
}
