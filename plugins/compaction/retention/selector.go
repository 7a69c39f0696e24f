package retention

import (
	"strings"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// Selector says which events a rule is for: those that fit all of it.
type Selector struct {
	Chains  patterns
	Objects patterns
	Type    *string           // nil for any
	Labels  map[string]string // an event may have more
}

// selects reports whether an event of a chain that fits is selected.
func (s *Selector) selects(h *event.Header) bool {
	if s.Type != nil && *s.Type != h.Type || !s.Objects.fit(h.Key) {
		return false
	}
	for key, want := range s.Labels {
		if got, has := h.Labels[key]; !has || got != want {
			return false
		}
	}
	return true
}

// patterns is a choice of names; nil fits every one.
type patterns []pattern

func (ps patterns) fit(name []byte) bool {
	for _, p := range ps {
		if p.fits(name) {
			return true
		}
	}
	return ps == nil
}

// pattern is a name, or the beginning of names.
type pattern struct {
	text   string
	begins bool
}

func (p pattern) fits(name []byte) bool {
	if p.begins && len(name) > len(p.text) {
		name = name[:len(p.text)]
	}
	return string(name) == p.text
}

// String returns the pattern as in a configuration: a beginning has * after it.
func (p pattern) String() string {
	if p.begins {
		return p.text + "*"
	}
	return p.text
}

// parsePatterns reads the patterns of a key, if it is there; check is for those
// that are no beginnings.
func parsePatterns(key string, texts []string, longest int, check func(string) error) (patterns, error) {
	switch {
	case texts == nil:
		return nil, nil
	case len(texts) == 0:
		return nil, fault.New(fault.BadConfig, "%s is empty and selects nothing; leave it out to select all", key)
	case len(texts) > maxPatterns:
		return nil, fault.New(fault.BadConfig, "%s has %d patterns; at most %d are allowed", key, len(texts), maxPatterns)
	}
	out := make(patterns, len(texts))
	for i, text := range texts {
		p := &out[i]
		p.text, p.begins = strings.CutSuffix(text, "*")
		var err error
		if len(p.text) > longest {
			err = fault.New(fault.BadConfig, "it has %d bytes; at most %d are allowed", len(p.text), longest)
		} else if !p.begins {
			err = check(text)
		}
		if err != nil {
			return nil, fault.New(fault.BadConfig, "%s, %.100q: %w", key, text, err)
		}
	}
	return out, nil
}

func parseChains(texts []string) (patterns, error) {
	ps, err := parsePatterns("chains", texts, chainname.MaxName, func(text string) error {
		_, err := chainname.Parse(text)
		return err
	})
	for _, p := range ps {
		if strings.Contains(p.text, "*") {
			return nil, fault.New(fault.BadConfig, "chains, %.100q: * may only stand at the end", p.String())
		}
	}
	return ps, err
}

func parseObjects(texts []string) (patterns, error) {
	return parsePatterns("objects", texts, event.MaxKey, func(text string) error {
		if text == "" {
			return fault.New(fault.BadConfig, "an object's key has at least one byte; write \"*\" for every object")
		}
		return nil
	})
}
