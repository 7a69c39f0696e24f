package file

import (
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/storage/storagetest"
)

func TestConfig(t *testing.T) {
	c, err := parseConfig([]byte(`{"path": "/x", "segment_size": "2 MiB", "journal_segment_size": 67108864, "journal_segments_max": 3}`))
	if want := (config{"/x", 2 << 20, 64 << 20, 3}); err != nil || c != want {
		t.Errorf("got %+v, %v; want %+v", c, err, want)
	}
	if c, err = parseConfig(nil); err != nil || c.SegmentSize != 64<<20 || c.JournalSegmentSize != 64<<20 || c.JournalSegmentsMax != 8 {
		t.Errorf("the defaults are %+v, %v", c, err)
	}
	for block, want := range map[string]string{
		`{"segment_sise": 1}`:                "segment_sise",
		`{"segment_size": "64MB"}`:           "64MB",
		`{"segment_size": "-1MiB"}`:          "-1MiB",
		`{"segment_size": "99999999GiB"}`:    "99999999GiB",
		`{"segment_size": "1KiB"}`:           "segment_size",
		`{"segment_size": true}`:             "true",
		`{"journal_segment_size": "39MiB"}`:  "journal_segment_size",
		`{"journal_segment_size": 67108865}`: "4KiB",
		`{"journal_segments_max": 1}`:        "journal_segments_max",
		`{"journal_segments_max": "x"}`:      "journal_segments_max",
		`{"path": 7}`:                        "path",
		`[]`:                                 "object",
	} {
		if err := New().Validate([]byte(block)); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a fault with code %s that names %s", block, err, fault.BadConfig, want)
		}
	}
}

func TestConfigure(t *testing.T) {
	var p plugin.Configurable = New()
	s := p.(*Store)
	if _, err := s.Open(t.Context(), "g/a", true); !fault.Is(err, fault.Unavailable) {
		t.Errorf("using a store before it is configured: %v", err)
	}
	dir := t.TempDir()
	setup := plugin.Setup{DataDir: dir, Config: []byte(`{"journal_segment_size": "40MiB"}`)}
	if err := p.Configure(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	if err := p.Configure(t.Context(), setup); !fault.Is(err, fault.BadRequest) {
		t.Errorf("configuring twice: %v", err)
	}
	mustAppend(t, s, mustOpen(t, s, "g/a"), storagetest.Record(0, 1, 1))
	if err := s.Health(t.Context()); err != nil {
		t.Error(err)
	}
	shutdown(t, s)
	other := New()
	setup.DataDir, setup.Config = t.TempDir(), []byte(`{"path": "`+dir+`"}`)
	if err := other.Configure(t.Context(), setup); err != nil {
		t.Fatal(err)
	}
	if state := mustOpen(t, other, "g/a").State(); state.Next != 1 {
		t.Errorf("under the configured path the chain is %+v", state)
	}
	shutdown(t, other)
}
