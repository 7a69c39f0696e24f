package setting

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

func TestDuration(t *testing.T) {
	for raw, want := range map[string]time.Duration{
		``: 7, `null`: 7, `0`: 0, `60`: time.Minute, `0.5`: 500 * time.Millisecond,
		`"1h30m"`: 90 * time.Minute, `"3600"`: time.Hour, `"250ms"`: 250 * time.Millisecond,
	} {
		if got, err := Duration("timer", json.RawMessage(raw), 7); err != nil || got != want {
			t.Errorf("Duration(%s) = %v, %v; want %v", raw, got, err, want)
		}
	}
	for _, raw := range []string{`""`, `"soon"`, `-1`, `"-1h"`, `"NaN"`, `"Inf"`, `1e300`, `true`, `[1]`, `{}`, `"1 day"`} {
		_, err := Duration("timer", json.RawMessage(raw), 7)
		refused(t, raw, err)
	}
}

func TestSize(t *testing.T) {
	for raw, want := range map[string]int64{
		``: 7, `null`: 7, `0`: 0, `104857600`: 100 << 20, `"512"`: 512, `"512B"`: 512,
		`"64KiB"`: 64 << 10, `"100MiB"`: 100 << 20, `"100 MB"`: 100e6, `"3GiB"`: 3 << 30, `"1TB"`: 1e12,
	} {
		if got, err := Size("timer", json.RawMessage(raw), 7); err != nil || got != want {
			t.Errorf("Size(%s) = %v, %v; want %v", raw, got, err, want)
		}
	}
	for _, raw := range []string{`""`, `"MiB"`, `-1`, `"1.5GiB"`, `"9999999TiB"`, `1e30`, `"10 apples"`, `"1MiBKiB"`, `true`, `[1]`} {
		_, err := Size("timer", json.RawMessage(raw), 7)
		refused(t, raw, err)
	}
}

func TestLongValuesAreClipped(t *testing.T) {
	_, err := Size("timer", json.RawMessage(`"`+strings.Repeat("x", 10_000)+`"`), 0)
	refused(t, "a long text", err)
	if len(err.Error()) > 300 {
		t.Errorf("the error is %d bytes long", len(err.Error()))
	}
}

func refused(t *testing.T, raw string, err error) {
	t.Helper()
	if !fault.Is(err, fault.BadConfig) || !strings.HasPrefix(err.Error(), "timer is ") {
		t.Errorf("for %s the error is %v; want a bad_config fault that names the key", raw, err)
	}
}
