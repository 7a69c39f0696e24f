package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// pluginName is what a plugin may be called: it becomes part of a file's name.
var pluginName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// isBlock reports whether settings of type t are blocks that name plugins.
func isBlock(t reflect.Type) bool {
	return t == reflect.TypeFor[Block]() || t == reflect.TypeFor[[]Block]() || t == reflect.TypeFor[[]Plugin]()
}

// loadBlocks takes over the blocks of one key of a file.
func (l *loader) loadBlocks(doc *document, key string, v any) error {
	var parsed any
	var err error
	switch types[key] {
	case reflect.TypeFor[Block]():
		parsed, err = parseBlock(key, v)
	case reflect.TypeFor[[]Block]():
		parsed, err = parseBlocks(key, v)
	default:
		parsed, err = parsePlugins(v)
	}
	if err != nil {
		return doc.origin(key).bad("%w", err)
	}
	l.put(key, parsed, doc.origin(key))
	for path := range doc.lines {
		if strings.HasPrefix(path, key+".") {
			l.origins[path] = doc.origin(path)
		}
	}
	return nil
}

// parseBlocks reads plugins of a kind that may have several.
func parseBlocks(kind string, v any) ([]Block, error) {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	blocks := make([]Block, 0, len(items))
	for _, item := range items {
		block, err := parseBlock(kind, item)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(blocks, func(b Block) bool { return b.Name == block.Name }) {
			return nil, fmt.Errorf("%s %q is given twice; keep one of them", kind, block.Name)
		}
		blocks = append(blocks, block)
	}
	return blocks, nil
}

// parseBlock reads one plugin: its name and its own configuration.
func parseBlock(kind string, v any) (Block, error) {
	named, ok := v.(map[string]any)
	switch list, isList := v.([]any); {
	case isList && len(list) > 1, ok && len(named) > 1:
		return Block{}, fmt.Errorf("%s names several plugins at once; %s", kind, howMany(kind))
	case !ok || len(named) == 0:
		return Block{}, fmt.Errorf("%s must name a plugin, as in %s", kind, example(kind))
	}
	for name, own := range named {
		if !pluginName.MatchString(name) {
			return Block{}, fmt.Errorf("%s %q is not a plugin's name, which has lower-case letters, digits and inner dashes, at most 63", kind, name)
		}
		if own == nil {
			own = map[string]any{}
		}
		if _, ok := own.(map[string]any); !ok {
			return Block{}, fmt.Errorf("%s %q must be a block of the plugin's settings, not %s", kind, name, show(own))
		}
		config, err := encode(own)
		if err != nil {
			return Block{}, fmt.Errorf("%s %q holds what JSON cannot: %w", kind, name, err)
		}
		return Block{Name: name, Config: config}, nil
	}
	return Block{}, nil
}

func howMany(kind string) string {
	if kind == KindStorage || kind == KindTrust {
		return "it takes one"
	}
	return "make it a list, since their order counts"
}

func example(kind string) string {
	return map[string]string{
		KindStorage:    `storage "file" {} in HCL or storage: {file: {}} in YAML`,
		KindTrust:      `trust "centralized" {} in HCL or trust: {centralized: {}} in YAML`,
		KindAuth:       `auth "static" {...} in HCL or auth: [static: {...}] in YAML`,
		KindCompaction: `compaction "standard" {...} in HCL or compaction: [standard: {...}] in YAML`,
	}[kind]
}

// parsePlugins reads blocks of the form plugin "kind" "name" { ... }.
func parsePlugins(v any) ([]Plugin, error) {
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	var plugins []Plugin
	for _, item := range items {
		byKind, err := asBlock(item, "plugin")
		if err != nil {
			return nil, err
		}
		for _, kind := range slices.Sorted(maps.Keys(byKind)) {
			byName, err := asBlock(byKind[kind], "plugin "+quote(kind))
			if err != nil {
				return nil, err
			}
			for _, name := range slices.Sorted(maps.Keys(byName)) {
				plugin, err := parsePlugin(kind, name, byName[name])
				if err != nil {
					return nil, err
				}
				plugins = append(plugins, plugin)
			}
		}
	}
	return plugins, nil
}

func parsePlugin(kind, name string, v any) (Plugin, error) {
	where := fmt.Sprintf("plugin %q %q", kind, name)
	settings, err := asBlock(v, where)
	if err != nil {
		return Plugin{}, err
	}
	p := Plugin{Kind: kind, Name: name}
	known := map[string]*string{"path": &p.Path, "sha256": &p.SHA256}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		v := settings[key]
		field, ok := known[key]
		if !ok {
			return Plugin{}, fmt.Errorf("%q is not a setting of %s; %s", key, where, didYouMean(key, slices.Collect(maps.Keys(known))))
		}
		if *field, ok = v.(string); !ok {
			return Plugin{}, fmt.Errorf("%s of %s must be text in quotes, not %s", key, where, show(v))
		}
	}
	return p, nil
}

func asBlock(v any, what string) (map[string]any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf(`%s must be a block, as in plugin "auth" "acme" { path = "/opt/acme/plugin" }`, what)
	}
	return m, nil
}

func quote(s string) string { return fmt.Sprintf("%q", s) }

// encode returns v as compact JSON with its keys in order.
func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSpace(buf.Bytes()), err
}
