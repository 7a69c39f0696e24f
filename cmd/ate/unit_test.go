package main

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"greeting":      "greeting",
		"grüße an alle": "grüße an alle",
		"a/b c":         "a/b c",
		"":              "",
		"a\nb":          `"a\nb"`,
		"\x1b[2J":       `"\x1b[2J"`,
		"\xff":          `"\xff"`,
		`"quoted"`:      `"\"quoted\""`,
	} {
		if got := printable(in); got != want {
			t.Errorf("%q is printed as %s, want %s", in, got, want)
		}
	}
}

func TestParentsFirst(t *testing.T) {
	live := make(map[string]object)
	for _, o := range []object{
		{key: "child", seq: 2, parent: under("parent")}, {key: "parent", seq: 9}, {key: "grandchild", seq: 1, parent: under("child")},
		{key: "alone", seq: 3}, {key: "orphan", seq: 4, parent: under("gone")},
		{key: "ring1", seq: 5, parent: under("ring2")}, {key: "ring2", seq: 6, parent: under("ring1")},
	} {
		live[o.key] = o
	}
	place := make(map[string]int)
	for i, o := range parentsFirst(live) {
		place[o.key] = i
	}
	if len(place) != len(live) || place["parent"] > place["child"] || place["child"] > place["grandchild"] || place["alone"] > place["parent"] {
		t.Errorf("the places are %v", place)
	}
}

func TestReadLine(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	in := bufio.NewReaderSize(strings.NewReader("a\n\n"+long+"\nb\r\nlast"), 16)
	for _, want := range []string{"a", "", long, "b\r", "last"} {
		if line, err := readLine(in); err != nil || string(line) != want {
			t.Fatalf("got %d bytes, %v, want %d", len(line), err, len(want))
		}
	}
	if _, err := readLine(in); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

func TestReadLineLimit(t *testing.T) {
	limit := strings.Repeat("x", event.MaxData)
	if line, err := readLine(bufio.NewReader(strings.NewReader(limit + "\n"))); err != nil || len(line) != event.MaxData {
		t.Errorf("a line of the largest size: %d bytes, %v", len(line), err)
	}
	if _, err := readLine(bufio.NewReader(strings.NewReader(limit + "x\n"))); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a line over the limit: %v", err)
	}
}

func TestChunk(t *testing.T) {
	for _, test := range []struct {
		sizes []int
		want  int
	}{
		{nil, 0}, {[]int{1, 2, 3}, 3}, {[]int{chunkBytes + 1, 1}, 1}, {[]int{chunkBytes, 1}, 1}, {make([]int, chunkEvents+1), chunkEvents},
	} {
		if got := chunk(test.sizes, func(n int) int { return n }); got != test.want {
			t.Errorf("%d of %d items go together, want %d", got, len(test.sizes), test.want)
		}
	}
}

func TestReservedKeys(t *testing.T) {
	for _, key := range []string{"", "\x00atedb/genesis", strings.Repeat("k", event.MaxKey+1)} {
		if err := checkKey([]byte(key)); err == nil {
			t.Errorf("the key %q is accepted", key)
		}
	}
}

func under(key string) event.Parent { return event.Parent{Key: []byte(key)} }
