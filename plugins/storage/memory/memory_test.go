package memory

import (
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

func TestStore(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Place {
		return storagetest.Place{
			Open:  func(t *testing.T) storage.Store { return New() },
			Close: func(t *testing.T, s storage.Store) {},
		}
	})
}

func TestConfiguration(t *testing.T) {
	var p plugin.Configurable = New()
	for _, block := range []string{"", "{}"} {
		if err := p.Configure(t.Context(), plugin.Setup{Config: []byte(block)}); err != nil {
			t.Errorf("configuring with %q: %v", block, err)
		}
	}
	if err := p.Validate([]byte(`{"path": "/x"}`)); !fault.Is(err, fault.BadConfig) {
		t.Errorf("an unknown key: %v, want a fault with code %s", err, fault.BadConfig)
	}
}

// TestRewritingHoldsNobodyUp has a drop take its time: appends and reads go on,
// and what comes meanwhile is not lost.
func TestRewritingHoldsNobodyUp(t *testing.T) {
	s := New()
	opened, err := s.Open(t.Context(), "g/a", true)
	if err != nil {
		t.Fatal(err)
	}
	add := func(seq event.Seq) {
		if err := s.Append([]storage.AppendRequest{{Chain: opened, Records: storagetest.Record(seq, 1, 100)}})[0]; err != nil {
			t.Fatal(err)
		}
	}
	for seq := range event.Seq(4) {
		add(seq)
	}
	begun, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, _, err := opened.(*handle).rewrite(storage.DropSet{{First: 1, End: 2}}, func(record, func(record)) error {
			close(begun)
			<-goOn
			return nil
		})
		done <- err
	}()
	<-begun
	added := make(chan struct{})
	go func() {
		defer close(added)
		add(4)
		if records, err := opened.Read(t.Context(), nil, 4, 1<<20, false); err != nil || string(records) != string(storagetest.Record(4, 1, 100)) {
			t.Errorf("read %d bytes, %v", len(records), err)
		}
	}()
	select {
	case <-added:
	case <-time.After(5 * time.Second):
		t.Error("an append waits for the drop")
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
	<-added
	var want []byte
	for _, seq := range []event.Seq{0, 2, 3, 4} {
		want = append(want, storagetest.Record(seq, 1, 100)...)
	}
	records, err := opened.Read(t.Context(), nil, 0, 1<<20, false)
	if got := (storage.State{Next: 5, Events: 4, Bytes: uint64(len(want))}); err != nil || string(records) != string(want) || opened.State() != got {
		t.Errorf("left are %d bytes, %+v, %v", len(records), opened.State(), err)
	}
}
