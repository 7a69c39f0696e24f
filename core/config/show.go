package config

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Setting is a key with its value and where that came from, to be shown.
type Setting struct {
	Key    string `json:"key"` // of a plugin's own setting: kind.plugin.key
	Value  any    `json:"value"`
	Origin string `json:"origin"` // "default", "file:PATH", "env:NAME" or "flag:--NAME"
	Line   int    `json:"line,omitempty"`
}

// Origin returns where the value of a key came from. A key inside of a block
// that was not given itself came from where the block did.
func (c *Config) Origin(key string) Origin {
	for {
		if o, ok := c.origins[key]; ok {
			return o
		}
		i := strings.LastIndexByte(key, '.')
		if i < 0 {
			return Origin{}
		}
		key = key[:i]
	}
}

// Settings returns every setting, in the order of Config.
func (c *Config) Settings() []Setting {
	var out []Setting
	add := func(key string, v any) {
		o := c.Origin(key)
		out = append(out, Setting{Key: key, Value: v, Origin: o.String(), Line: o.Line})
	}
	for key, field := range c.settings() {
		switch v := field.Interface().(type) {
		case time.Duration:
			add(key, v.String())
		case Block:
			v.each(key, add)
		case []Block:
			for _, b := range v {
				b.each(key, add)
			}
			if len(v) == 0 {
				add(key, []string{})
			}
		case []Plugin:
			for _, p := range v {
				p.each(key, add)
			}
			if len(v) == 0 {
				add(key, []string{})
			}
		default:
			add(key, v)
		}
	}
	return out
}

// Changes returns the keys of settings that have another value in another
// configuration, or are not set in one of both, in order. It has auth itself if
// the same plugins are asked in another order.
func (c *Config) Changes(other *Config) []string {
	values := make(map[string]string)
	for _, s := range c.Settings() {
		values[s.Key] = s.text()
	}
	var changed []string
	for _, s := range other.Settings() {
		if value, ok := values[s.Key]; !ok || value != s.text() {
			changed = append(changed, s.Key)
		}
		delete(values, s.Key)
	}
	changed = slices.AppendSeq(changed, maps.Keys(values))
	if order, otherOrder := namesOf(c.Auth), namesOf(other.Auth); !slices.Equal(order, otherOrder) &&
		slices.Equal(slices.Sorted(slices.Values(order)), slices.Sorted(slices.Values(otherOrder))) {
		changed = append(changed, "auth")
	}
	slices.Sort(changed)
	return changed
}

func namesOf(blocks []Block) []string {
	var names []string
	for _, b := range blocks {
		names = append(names, b.Name)
	}
	return names
}

// text returns the value in a form that can be compared.
func (s *Setting) text() string {
	text, err := json.Marshal(s.Value)
	if err != nil {
		panic(err) // it was read from a file, a variable or a flag
	}
	return string(text)
}

// each calls add for every key of a plugin's own configuration, or once for
// the block if it is empty.
func (b Block) each(kind string, add func(string, any)) {
	at := kind + "." + b.Name
	var own map[string]json.RawMessage
	if json.Unmarshal(b.Config, &own) != nil || len(own) == 0 {
		add(at, json.RawMessage(`{}`))
		return
	}
	for _, key := range slices.Sorted(maps.Keys(own)) {
		add(at+"."+key, own[key])
	}
}

func (p Plugin) each(prefix string, add func(string, any)) {
	at := prefix + "." + p.Kind + "." + p.Name
	if p.Path != "" {
		add(at+".path", p.Path)
	}
	if p.SHA256 != "" {
		add(at+".sha256", p.SHA256)
	}
}
