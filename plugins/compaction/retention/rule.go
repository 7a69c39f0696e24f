package retention

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/setting"
)

// Limits of a rule's limits.
const (
	minAge      = time.Second
	maxAge      = 36500 * day
	maxVersions = 1e9
	maxEvents   = 1e15
)

// Rule keeps what is within its limits, or drops what is beyond one of them.
type Rule struct {
	Name     string
	Keeps    bool
	DropLive bool // drops values that live, too
	Selector
	Limits
}

// Limits are what a rule lets be; 0 is no limit.
type Limits struct {
	Age      time.Duration // since the commit
	Versions int64         // newest events of each object
	Events   int64         // newest events of the chain
	Bytes    int64         // of the newest events of the chain
}

// ruleKeys is the shape of a rule.
type ruleKeys struct {
	Chains      []string        `json:"chains"`
	Objects     []string        `json:"objects"`
	Type        *string         `json:"type"`
	Labels      json.RawMessage `json:"labels"`
	MaxAge      json.RawMessage `json:"max_age"`
	MaxVersions *int64          `json:"max_versions"`
	MaxEvents   *int64          `json:"max_events"`
	MaxBytes    json.RawMessage `json:"max_bytes"`
	DropLive    *bool           `json:"drop_live"`
}

func parseRule(keeps bool, config json.RawMessage) (Rule, error) {
	var keys ruleKeys
	err := decode(config, &keys)
	if err != nil {
		return Rule{}, err
	}
	r := Rule{Keeps: keeps}
	if r.Selector, err = parseSelector(&keys); err != nil {
		return Rule{}, err
	}
	if r.Limits, err = parseLimits(&keys); err != nil {
		return Rule{}, err
	}
	switch {
	case keeps && keys.DropLive != nil:
		return Rule{}, fault.New(fault.BadConfig, "drop_live is for rules that drop; leave it out")
	case !keeps && r.Limits == Limits{}:
		return Rule{}, fault.New(fault.BadConfig, "a rule that drops needs a limit: max_age, max_versions, max_events or max_bytes")
	}
	r.DropLive = keys.DropLive != nil && *keys.DropLive
	return r, nil
}

func parseSelector(keys *ruleKeys) (s Selector, err error) {
	if s.Chains, err = parseChains(keys.Chains); err != nil {
		return Selector{}, err
	}
	if s.Objects, err = parseObjects(keys.Objects); err != nil {
		return Selector{}, err
	}
	s.Type = keys.Type
	s.Labels, err = parseLabels(keys.Labels)
	return s, err
}

func parseLabels(config json.RawMessage) (map[string]string, error) {
	if config == nil {
		return nil, nil
	}
	var given map[string]*string
	err := json.Unmarshal(config, &given)
	labels := make(map[string]string, len(given))
	for key, value := range given {
		if value != nil {
			labels[key] = *value
		}
	}
	switch {
	case err != nil || len(labels) < len(given):
		return nil, fault.New(fault.BadConfig, `labels must be a block of texts, as in labels = { colour = "green" }`)
	case len(labels) == 0:
		return nil, fault.New(fault.BadConfig, "labels is empty; leave it out to select all")
	case len(labels) > maxLabels:
		return nil, fault.New(fault.BadConfig, "labels has %d labels; at most %d are allowed", len(labels), maxLabels)
	}
	return labels, nil
}

func parseLimits(keys *ruleKeys) (l Limits, err error) {
	if l.Age, err = parseAge(keys.MaxAge); err != nil {
		return Limits{}, err
	}
	if l.Versions, err = parseCount("max_versions", keys.MaxVersions, maxVersions); err != nil {
		return Limits{}, err
	}
	if l.Events, err = parseCount("max_events", keys.MaxEvents, maxEvents); err != nil {
		return Limits{}, err
	}
	if l.Bytes, err = setting.Size("max_bytes", keys.MaxBytes, 0); err != nil {
		return Limits{}, err
	}
	if keys.MaxBytes != nil && l.Bytes == 0 {
		return Limits{}, fault.New(fault.BadConfig, "max_bytes is 0; write at least one byte, or \"1GiB\"")
	}
	return l, nil
}

// parseAge reads what setting.Duration reads or, since ages are long, a whole
// number of days, such as "90d".
func parseAge(config json.RawMessage) (time.Duration, error) {
	if config == nil {
		return 0, nil
	}
	age, err := parseDays(config)
	if err != nil {
		age, err = setting.Duration("max_age", config, 0)
	}
	if err != nil {
		return 0, fault.New(fault.BadConfig, "%w, or days, such as \"90d\"", err)
	}
	if age < minAge || age > maxAge {
		return 0, fault.New(fault.BadConfig, "max_age is %.60s; write at least %v and at most \"%dd\"", config, minAge, maxAge/day)
	}
	return age, nil
}

func parseDays(config json.RawMessage) (time.Duration, error) {
	var text string
	if err := json.Unmarshal(config, &text); err != nil {
		return 0, err
	}
	digits, found := strings.CutSuffix(text, "d")
	if !found {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return time.Duration(min(n, uint64(maxAge/day)+1)) * day, err
}

func parseCount(key string, given *int64, largest int64) (int64, error) {
	if given == nil {
		return 0, nil
	}
	if *given < 1 || *given > largest {
		return 0, fault.New(fault.BadConfig, "%s is %d; write 1 to %d", key, *given, largest)
	}
	return *given, nil
}
