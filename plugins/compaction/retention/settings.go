package retention

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/setting"
)

// Limits of the settings.
const (
	day      = 24 * time.Hour
	minTimer = time.Second
	maxTimer = 366 * day

	maxRules    = 100
	maxPatterns = compaction.MaxPatterns / maxRules // of a rule's chains, and of its objects
	maxLabels   = 16
)

// Settings is the plugin's configuration.
type Settings struct {
	Timer time.Duration // between two compactions of what a rule drops
	Rules []Rule        // in the order of their names; those that keep come first
}

// settingKeys is the configuration's shape.
type settingKeys struct {
	Timer json.RawMessage `json:"timer"`
	Keep  json.RawMessage `json:"keep"`
	Drop  json.RawMessage `json:"drop"`
}

func defaults() Settings { return Settings{Timer: time.Hour} }

// parseSettings reads and checks a configuration. Its errors are bad_config
// faults that name the rule and the key.
func parseSettings(config []byte) (Settings, error) {
	s := defaults()
	var keys settingKeys
	err := decode(config, &keys)
	if err != nil {
		return Settings{}, err
	}
	if s.Timer, err = setting.Duration("timer", keys.Timer, s.Timer); err != nil {
		return Settings{}, err
	}
	if s.Timer < minTimer || s.Timer > maxTimer {
		return Settings{}, fault.New(fault.BadConfig, "timer is %v; write %v to %v", s.Timer, minTimer, maxTimer)
	}
	keep, err := parseRules("keep", keys.Keep)
	if err != nil {
		return Settings{}, err
	}
	drop, err := parseRules("drop", keys.Drop)
	if err != nil {
		return Settings{}, err
	}
	s.Rules = append(keep, drop...)
	if len(s.Rules) > maxRules {
		return Settings{}, fault.New(fault.BadConfig, "keep and drop have %d rules; at most %d are allowed", len(s.Rules), maxRules)
	}
	return s, nil
}

// parseRules reads the rules that stand under one key.
func parseRules(key string, config json.RawMessage) ([]Rule, error) {
	blocks, err := namedBlocks(key, config)
	if err != nil {
		return nil, err
	}
	var rules []Rule
	for _, name := range slices.Sorted(maps.Keys(blocks)) {
		rule, err := parseRule(key == "keep", blocks[name])
		if err != nil {
			return nil, fault.New(fault.BadConfig, "%s %.100q: %w", key, name, err)
		}
		rule.Name = name
		rules = append(rules, rule)
	}
	return rules, nil
}

// namedBlocks returns the blocks of a key by name. They are an object or, as
// several of HCL's blocks, a list of objects.
func namedBlocks(key string, config json.RawMessage) (map[string]json.RawMessage, error) {
	if config == nil {
		return nil, nil
	}
	list := make([]map[string]json.RawMessage, 1)
	if json.Unmarshal(config, &list[0]) != nil && json.Unmarshal(config, &list) != nil {
		return nil, fault.New(fault.BadConfig, `%s must hold rules by name, as in %s "old" { max_age = "90d" }`, key, key)
	}
	blocks := make(map[string]json.RawMessage)
	for _, some := range list {
		for _, name := range slices.Sorted(maps.Keys(some)) {
			if _, twice := blocks[name]; twice {
				return nil, fault.New(fault.BadConfig, "%s %.100q is given twice; keep one of them", key, name)
			}
			var block map[string]json.RawMessage
			if json.Unmarshal(some[name], &block) != nil || block == nil {
				return nil, fault.New(fault.BadConfig, `%s %.100q must be a block of the rule's settings; rules have names, as in %s "old" { max_age = "90d" }`, key, name, key)
			}
			blocks[name] = some[name]
		}
	}
	return blocks, nil
}

// decode is plugin.DecodeConfig, and refuses a key whose value is missing: a
// rule must not select more than was meant.
func decode(config []byte, into any) error {
	if err := plugin.DecodeConfig(config, into); err != nil {
		return err
	}
	var keys map[string]json.RawMessage
	if len(config) == 0 || json.Unmarshal(config, &keys) != nil {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if string(keys[key]) == "null" {
			return fault.New(fault.BadConfig, "%s has no value; give it one, or leave it out", key)
		}
	}
	return nil
}
