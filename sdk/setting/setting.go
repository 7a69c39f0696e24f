// Package setting reads durations and sizes from a plugin's configuration the
// way that people write them.
//
// A plugin declares such a key as a json.RawMessage and hands it over with the
// key's name, so that the error for a bad value can name it:
//
//	var config struct {
//		TTL json.RawMessage `json:"ttl"`
//	}
//	ttl, err := setting.Duration("ttl", config.TTL, time.Minute)
package setting

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// Duration reads a duration: a string such as "1h30m" or "500ms", or a number
// of seconds. It returns fallback for a key that is absent or null, and a
// bad_config fault for a value that is negative or no duration.
func Duration(key string, raw json.RawMessage, fallback time.Duration) (time.Duration, error) {
	text, given := unquote(raw)
	if !given {
		return fallback, nil
	}
	d, err := time.ParseDuration(text)
	if seconds, notNumber := strconv.ParseFloat(text, 64); notNumber == nil {
		d, err = time.Duration(seconds*float64(time.Second)), nil
		if !(seconds < math.MaxInt64/float64(time.Second)) {
			d = -1
		}
	}
	if err != nil || d < 0 {
		return 0, fault.New(fault.BadConfig, "%s is %s, which is not a duration; write one such as \"90s\" or \"1h30m\", or a number of seconds", key, clip(raw))
	}
	return d, nil
}

// Size reads a number of bytes: a whole number, or a string of one with a unit,
// such as "64MiB" (1024s) or "100MB" (1000s). It returns fallback for a key
// that is absent or null, and a bad_config fault for a value that is negative,
// too large for an int64 or no size.
func Size(key string, raw json.RawMessage, fallback int64) (int64, error) {
	text, given := unquote(raw)
	if !given {
		return fallback, nil
	}
	digits := strings.TrimRight(text, "KMGTiB")
	unit, known := units[text[len(digits):]]
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	if err != nil || !known || n < 0 || n > math.MaxInt64/unit {
		return 0, fault.New(fault.BadConfig, "%s is %s, which is not a size; write one such as \"64MiB\", or a number of bytes", key, clip(raw))
	}
	return n * unit, nil
}

var units = map[string]int64{
	"": 1, "B": 1,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
}

// unquote returns the text of a JSON string or number, and whether there is a
// value at all.
func unquote(raw json.RawMessage) (text string, given bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", false
	}
	if json.Unmarshal(raw, &text) != nil {
		return string(raw), true
	}
	return text, true
}

func clip(raw json.RawMessage) string {
	const limit = 60
	if len(raw) <= limit {
		return string(raw)
	}
	return string(raw[:limit]) + "..."
}
