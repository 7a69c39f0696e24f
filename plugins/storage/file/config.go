package file

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// Options say where and how a store keeps its chains.
type Options struct {
	Path               string       // the store's folder; made if need be
	FS                 vfs.FS       // nil means the operating system's
	Logger             hclog.Logger // nil means none
	SegmentSize        int64        // bytes of records after which a chain goes on in another file; 0 means 64 MiB
	JournalSegmentSize int64        // bytes of a file of the journal; 0 means 64 MiB
	JournalSegmentsMax int          // how many of them there may be; 0 means 8

	maxUnwritten int64 // as in limits.go; tests make it small, as they do the next
	lockPatience time.Duration
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.lockPatience == 0 {
		o.lockPatience = lockPatience
	}
	if o.SegmentSize == 0 {
		o.SegmentSize = defaultSegmentSize
	}
	if o.JournalSegmentSize == 0 {
		o.JournalSegmentSize = defaultJournalSegment
	}
	if o.JournalSegmentsMax == 0 {
		o.JournalSegmentsMax = defaultJournalSegments
	}
	if o.maxUnwritten == 0 {
		o.maxUnwritten = maxUnwritten
	}
	return o
}

// config is the plugin's block in the configuration.
type config struct {
	Path               string `json:"path"`
	SegmentSize        size   `json:"segment_size"`
	JournalSegmentSize size   `json:"journal_segment_size"`
	JournalSegmentsMax int    `json:"journal_segments_max"`
}

// size is a number of bytes, written as a number or as "64MiB".
type size int64

// UnmarshalJSON implements [json.Unmarshaler].
func (s *size) UnmarshalJSON(b []byte) error {
	text := string(b)
	if err := json.Unmarshal(b, &text); err != nil {
		text = string(b)
	}
	digits, shift := text, 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if cut, ok := strings.CutSuffix(text, unit); ok {
			digits, shift = strings.TrimSpace(cut), 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32+10)
	if err != nil || n < 0 || n > 1<<40>>shift {
		return fault.New(fault.BadConfig, "%q is not a size; write a number of bytes, or one with KiB, MiB or GiB, as in \"64MiB\"", text)
	}
	*s = size(n << shift)
	return nil
}

func parseConfig(block []byte) (config, error) {
	c := config{
		SegmentSize:        defaultSegmentSize,
		JournalSegmentSize: defaultJournalSegment,
		JournalSegmentsMax: defaultJournalSegments,
	}
	if err := plugin.DecodeConfig(block, &c); err != nil {
		return config{}, err
	}
	return c, c.check()
}

func (c *config) check() error {
	for _, limit := range []struct {
		key            string
		got, min, max  int64
		least, largest string
	}{
		{"segment_size", int64(c.SegmentSize), minSegmentSize, maxSegmentSize, "1MiB", "4GiB"},
		{"journal_segment_size", int64(c.JournalSegmentSize), minJournalSegment, maxJournalSegment, "40MiB", "1GiB"},
		{"journal_segments_max", int64(c.JournalSegmentsMax), minJournalSegments, maxJournalSegments, "2", "64"},
	} {
		if limit.got < limit.min || limit.got > limit.max {
			return fault.New(fault.BadConfig, "%s is %d; it must be %s to %s", limit.key, limit.got, limit.least, limit.largest)
		}
	}
	if c.JournalSegmentSize%block != 0 {
		return fault.New(fault.BadConfig, "journal_segment_size is %d; it must be a multiple of 4KiB", c.JournalSegmentSize)
	}
	return nil
}

// Validate implements [plugin.Configurable].
func (s *Store) Validate(block []byte) error {
	_, err := parseConfig(block)
	return err
}

// Configure implements [plugin.Configurable]: it opens the store, in the
// daemon's folder for data unless the configuration has another path.
func (s *Store) Configure(ctx context.Context, setup plugin.Setup) error {
	c, err := parseConfig(setup.Config)
	if err != nil {
		return err
	}
	if c.Path == "" {
		c.Path = setup.DataDir
	}
	return s.open(ctx, Options{
		Path:               c.Path,
		Logger:             setup.Logger,
		SegmentSize:        int64(c.SegmentSize),
		JournalSegmentSize: int64(c.JournalSegmentSize),
		JournalSegmentsMax: c.JournalSegmentsMax,
	})
}
