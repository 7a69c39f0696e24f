package standard

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/compaction"
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
	Chains []ChainSettings
}

// ChainSettings are settings of their own for some chains.
type ChainSettings struct {
	Pattern  string // a chain's name, or its beginning and *
	Settings Settings
}

// settingKeys is the configuration's shape.
type settingKeys struct {
	Mode   string          `json:"mode"`
	Factor float64         `json:"factor"`
	Size   json.RawMessage `json:"size"`
	Timer  json.RawMessage `json:"timer"`
}

func defaults() Settings {
	return Settings{Mode: FactorOrTimer, Factor: 0.4, Size: 100 << 20, Timer: time.Hour}
}

// parseSettings reads and checks a configuration. Its errors are bad_config
// faults that name the key.
func parseSettings(config []byte) (Settings, error) {
	s := defaults()
	keys := struct {
		settingKeys
		Chains json.RawMessage `json:"chains"`
	}{settingKeys: settingKeys{Mode: string(s.Mode), Factor: s.Factor}}
	if err := plugin.DecodeConfig(config, &keys); err != nil {
		return Settings{}, err
	}
	s, err := s.with(keys.settingKeys)
	if err != nil || keys.Chains == nil {
		return s, err
	}
	s.Chains, err = parseChains(keys.Chains, s)
	return s, err
}

// parseChains reads the settings of some chains, each a change of the others'.
func parseChains(config []byte, others Settings) ([]ChainSettings, error) {
	var blocks map[string]json.RawMessage
	if err := json.Unmarshal(config, &blocks); err != nil || blocks == nil {
		return nil, fault.New(fault.BadConfig, "chains must map names of chains, or their beginnings and *, to settings")
	}
	var out []ChainSettings
	for _, pattern := range slices.Sorted(maps.Keys(blocks)) {
		keys := settingKeys{Mode: string(others.Mode), Factor: others.Factor}
		err := checkPattern(pattern)
		if err == nil {
			err = plugin.DecodeConfig(blocks[pattern], &keys)
		}
		var s Settings
		if err == nil {
			s, err = others.with(keys)
		}
		if err != nil {
			return nil, fault.New(fault.BadConfig, "chains, %.100q: %w", pattern, err)
		}
		out = append(out, ChainSettings{pattern, s})
	}
	return out, nil
}

func checkPattern(pattern string) error {
	if beginning, ok := strings.CutSuffix(pattern, "*"); ok && !strings.Contains(beginning, "*") && len(pattern) <= chainname.MaxName {
		return nil
	}
	if _, err := chainname.Parse(pattern); err != nil {
		return fault.New(fault.BadConfig, "this is neither a chain's name nor the beginning of names and *")
	}
	return nil
}

// with returns the settings changed by what the keys say.
func (s Settings) with(keys settingKeys) (_ Settings, err error) {
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

// trigger is what a compaction waits for in the mode.
func (s *Settings) trigger() compaction.Trigger {
	switch s.Mode {
	case Modified:
		return compaction.Trigger{Modified: true}
	case Timer:
		return compaction.Trigger{Timer: s.Timer}
	case Factor:
		return compaction.Trigger{Factor: s.Factor}
	case Size:
		return compaction.Trigger{Size: uint64(s.Size)}
	case FactorOrTimer:
		return compaction.Trigger{Factor: s.Factor, Timer: s.Timer}
	case SizeOrTimer:
		return compaction.Trigger{Size: uint64(s.Size), Timer: s.Timer}
	}
	return compaction.Trigger{}
}
