package standard

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/setting"
)

// Mode is what a compaction waits for.
type Mode string

// The modes.
const (
	Never         Mode = "never"           // none: nothing is ever dropped
	Modified      Mode = "modified"        // any change
	Timer         Mode = "timer"           // the time since the last one
	Factor        Mode = "factor"          // growth, as a share of the chain's size
	Size          Mode = "size"            // growth, in bytes
	FactorOrTimer Mode = "factor-or-timer" // whichever comes first
	SizeOrTimer   Mode = "size-or-timer"   // whichever comes first
)

// growthOrTimer is another name of FactorOrTimer.
const growthOrTimer = "growth-or-timer"

var modes = []Mode{Never, Modified, Timer, Factor, Size, FactorOrTimer, SizeOrTimer}

// Limits of the settings.
const (
	maxFactor = 1000
	minTimer  = time.Second
	maxTimer  = 366 * 24 * time.Hour
)

// Settings is the plugin's configuration. What its mode does not look at is
// checked and otherwise ignored.
type Settings struct {
	Mode   Mode
	Factor float64       // of the size after the last compaction
	Size   int64         // bytes
	Timer  time.Duration // between two compactions
}

func defaults() Settings {
	return Settings{Mode: FactorOrTimer, Factor: 0.4, Size: 100 << 20, Timer: time.Hour}
}

// parseSettings reads and checks a configuration. Its errors are bad_config
// faults that name the key.
func parseSettings(config []byte) (Settings, error) {
	s := defaults()
	keys := struct {
		Mode   string          `json:"mode"`
		Factor float64         `json:"factor"`
		Size   json.RawMessage `json:"size"`
		Timer  json.RawMessage `json:"timer"`
	}{Mode: string(s.Mode), Factor: s.Factor}
	err := plugin.DecodeConfig(config, &keys)
	if err != nil {
		return Settings{}, err
	}
	if s.Mode, err = parseMode(keys.Mode); err != nil {
		return Settings{}, err
	}
	if s.Size, err = setting.Size("size", keys.Size, s.Size); err != nil {
		return Settings{}, err
	}
	if s.Timer, err = setting.Duration("timer", keys.Timer, s.Timer); err != nil {
		return Settings{}, err
	}
	s.Factor = keys.Factor
	return s, s.check()
}

func parseMode(text string) (Mode, error) {
	if text == growthOrTimer {
		return FactorOrTimer, nil
	}
	names := make([]string, len(modes))
	for i, mode := range modes {
		if names[i] = string(mode); text == names[i] {
			return mode, nil
		}
	}
	return "", fault.New(fault.BadConfig, "mode is %.50q; the modes are %s", text, strings.Join(names, ", "))
}

func (s *Settings) check() error {
	switch {
	case !(s.Factor > 0 && s.Factor <= maxFactor):
		return fault.New(fault.BadConfig, "factor is %v; write a number above 0 and up to %d, such as 0.4 for a growth of 40%%", s.Factor, maxFactor)
	case s.Size < 1:
		return fault.New(fault.BadConfig, "size is 0; write at least one byte, or \"100MiB\"")
	case s.Timer < minTimer || s.Timer > maxTimer:
		return fault.New(fault.BadConfig, "timer is %v; write %v to %v", s.Timer, minTimer, maxTimer)
	}
	return nil
}
