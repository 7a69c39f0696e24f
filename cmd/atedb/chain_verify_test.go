package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/core/control"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// oneEvent is a chain that has its genesis alone. Before a Read, onRead may
// change what there is.
type oneEvent struct {
	control.Chains
	d      control.Chain
	record []byte
	reads  int
	onRead func(*oneEvent) error
}

func newOneEvent(t *testing.T) *oneEvent {
	t.Helper()
	genesis := event.NewGenesis("g/a", event.Centralized, nil)
	frame, id, err := genesis.Frame()
	if err != nil {
		t.Fatal(err)
	}
	batch := event.Batch{Count: 1, Frames: frame}
	tree := merkle.New(&merkle.MemoryBundles{})
	f, _, err := event.CutFrame(frame)
	if err != nil {
		t.Fatal(err)
	}
	tree.Append(f.Leaf(id))
	return &oneEvent{record: batch.AppendRecord(nil), d: control.Chain{ID: id.String(), Head: tree.Head().String()}}
}

func (o *oneEvent) Inspect(context.Context, chainname.Name) (control.Chain, error) { return o.d, nil }

func (o *oneEvent) Read(context.Context, chainname.Name, event.Seq, int) ([]byte, error) {
	o.reads++
	if o.onRead != nil {
		if err := o.onRead(o); err != nil {
			return nil, err
		}
	}
	return o.record, nil
}

func (o *oneEvent) verify(t *testing.T, name chainname.Name) error {
	t.Helper()
	_, err := verifyChain(t.Context(), o, name, newProgress(io.Discard))
	return err
}

// TestVerdictCounts believes what is wrong with a chain that nobody compacted
// meanwhile, and reads one again that somebody did, but not for ever.
func TestVerdictCounts(t *testing.T) {
	wrong := fault.New(fault.BadSeal, "the seal is wrong")
	for name, test := range map[string]struct {
		onRead func(*oneEvent) error
		code   fault.Code
		reads  int
	}{
		"good":             {nil, "", 1},
		"wrong":            {func(*oneEvent) error { return wrong }, fault.BadSeal, 1},
		"always compacted": {func(o *oneEvent) error { o.d.Compactions++; return wrong }, fault.Overloaded, verifyTries},
		"being compacted, then good": {func(o *oneEvent) error {
			if o.reads == 1 {
				o.d.Compactions++
				return wrong
			}
			return nil
		}, "", 2},
		"compacted and opened anew, then wrong": {func(o *oneEvent) error {
			if o.reads == 1 {
				o.d.Compacted = time.Unix(1, 0)
			}
			return wrong
		}, fault.BadSeal, 2},
	} {
		o := newOneEvent(t)
		o.onRead = test.onRead
		if err := o.verify(t, "g/a"); fault.CodeOf(err) != test.code || o.reads != test.reads {
			t.Errorf("%s: %v after %d reads; want %q after %d", name, err, o.reads, test.code, test.reads)
		}
	}
}

// TestVerifyDoubts tables what is not as the server, or the folder, says.
func TestVerifyDoubts(t *testing.T) {
	for name, test := range map[string]struct {
		lie  func(*oneEvent)
		code fault.Code
	}{
		"another head":          {func(o *oneEvent) { o.d.Head = merkle.Head{Size: 1, Root: event.Hash{1}}.String() }, fault.Forked},
		"another id":            {func(o *oneEvent) { o.d.ID = strings.Repeat("00", 32) }, fault.Damaged},
		"no head":               {func(o *oneEvent) { o.d.Head = "newest" }, fault.BadRequest},
		"nothing to read":       {func(o *oneEvent) { o.record = nil }, fault.Damaged},
		"a record cut short":    {func(o *oneEvent) { o.record = o.record[:len(o.record)-1] }, fault.Damaged},
		"a record with a flip":  {func(o *oneEvent) { o.record[60] ^= 1 }, fault.Damaged},
		"the same record twice": {func(o *oneEvent) { o.d.Head = "2" + o.d.Head[1:]; o.record = append(o.record, o.record...) }, fault.Damaged},
	} {
		o := newOneEvent(t)
		test.lie(o)
		if err := o.verify(t, "g/a"); fault.CodeOf(err) != test.code {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
	}
	if err := newOneEvent(t).verify(t, "g/b"); !fault.Is(err, fault.Damaged) {
		t.Errorf("the genesis of another chain: %v", err)
	}
}

// paged has a list of several pages, of which one is empty.
type paged struct{ control.Chains }

func (paged) List(_ context.Context, _ string, after chainname.Name, _ int) (control.Page, error) {
	switch after {
	case "":
		return control.Page{Chains: []control.Listed{{Name: "a/1"}}, More: "a/2"}, nil
	case "a/2":
		return control.Page{More: "b/1"}, nil
	case "b/1":
		return control.Page{Chains: []control.Listed{{Name: "c/1", Open: true, Users: 3, Events: 4, Bytes: 5, Compacted: time.Unix(1, 0)}}}, nil
	}
	return control.Page{}, fault.New(fault.BadRequest, "no page begins after %s", after)
}

// TestListPages prints all pages of a list.
func TestListPages(t *testing.T) {
	var out bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	cmd.SetOut(&out)
	if err := listChains(cmd, paged{}, ""); err != nil {
		t.Fatal(err)
	}
	if want := "a/1\tclosed\t-\t-\t-\t-\nc/1\topen\t3\t4\t5\t1970-01-01T00:00:01.000000Z\n"; out.String() != want {
		t.Errorf("listed\n%s\nwant\n%s", &out, want)
	}
}
