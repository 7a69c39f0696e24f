package archive

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

func sample(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		header := event.Header{Key: []byte{'a' + byte(i)}}
		h, err := header.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(Entry{Seq: event.Seq(i), Time: 5, Header: h, Data: []byte("data")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read returns how many events an archive has and how it ended.
func read(b []byte) (n int, err error) {
	r, err := NewReader(bytes.NewReader(b))
	for err == nil {
		if _, err = r.Next(); err == nil {
			n++
		}
	}
	return n, err
}

func TestRoundTrip(t *testing.T) {
	r, err := NewReader(bytes.NewReader(sample(t)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		e, err := r.Next()
		if err != nil || e.Seq != event.Seq(i) || e.Time != 5 || string(e.Data) != "data" {
			t.Fatalf("event %d came back as %+v, %v", i, e, err)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func TestEveryCutIsFound(t *testing.T) {
	whole := sample(t)
	for n := range whole {
		if _, err := read(whole[:n]); !fault.Is(err, fault.Damaged) || !strings.Contains(err.Error(), "offset") {
			t.Errorf("cut after %d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	whole := sample(t)
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 4
		if _, err := read(b); err == io.EOF || !strings.Contains(err.Error(), "offset") {
			t.Errorf("byte %d of %d changed: %v", i, len(whole), err)
		}
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	whole := string(sample(t))
	for content, code := range map[string]fault.Code{
		"ATEDB-EXPORT/2\n":                        fault.Unsupported,
		"PK\x03\x04 and what else a zip file has": fault.Damaged,
		whole + "x":                               fault.Damaged,
		"":                                        fault.Damaged,
	} {
		if _, err := read([]byte(content)); !fault.Is(err, code) {
			t.Errorf("%.20q: %v, want code %s", content, err, code)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := read(b); err == nil {
			t.Error("an archive has no end")
		}
	})
}
