package config

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/hcl"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
	yaml3 "go.yaml.in/yaml/v3"

	"github.com/atedb/atedb/sdk/fault"
)

// MaxFile is the size of the largest config file, in bytes.
const MaxFile = 1 << 20

// systemFiles are read when neither flag nor environment names a file.
var systemFiles = []string{"/etc/atedb/atedb.hcl", "/etc/atedb/atedb.yaml"}

// document is a parsed config file.
type document struct {
	path   string
	values map[string]any // as written; blocks are maps, blocks that repeat are lists
	lines  map[string]int // where each key stands, the parts of its path joined by dots
}

// findFile returns the path of the config file, or "" if there is none.
func findFile(named string, system []string) (string, error) {
	if named != "" {
		return filepath.Abs(named)
	}
	var found []string
	for _, path := range system {
		if _, err := os.Stat(path); err == nil {
			found = append(found, path)
		}
	}
	if len(found) > 1 {
		return "", fault.New(fault.BadConfig, "there is more than one config file, %s; remove one or name one with --config", strings.Join(found, " and "))
	}
	return strings.Join(found, ""), nil
}

// readFile reads and parses a config file. Nothing in it is judged yet except
// its syntax and what is given twice.
func readFile(path string) (*document, error) {
	data, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	return parseFile(path, data)
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.BadConfig, "there is no config file %s; correct the path given by --config or ATEDB_CONFIG", path)
	case err != nil:
		return nil, fault.New(fault.BadConfig, "reading the config file: %w", err)
	case !info.Mode().IsRegular():
		return nil, fault.New(fault.BadConfig, "the config file %s is not a regular file", path)
	case info.Size() > MaxFile:
		return nil, fault.New(fault.BadConfig, "the config file %s has %d bytes; at most %d are allowed", path, info.Size(), MaxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "reading the config file: %w", err)
	}
	return data, nil
}

func parseFile(path string, data []byte) (*document, error) {
	var parser koanf.Parser
	var index func([]byte) (map[string]int, error)
	switch filepath.Ext(path) {
	case ".hcl":
		parser, index = hcl.Parser(false), indexHCL
	case ".yaml", ".yml":
		parser, index = yaml.Parser(), indexYAML
	default:
		return nil, fault.New(fault.BadConfig, "the config file %s is neither HCL nor YAML by its name; it must end in .hcl, .yaml or .yml", path)
	}
	lines, err := index(data)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "%s: %w", path, err)
	}
	k := koanf.New(".")
	err = k.Load(rawbytes.Provider(data), parser)
	var twice *yaml3.TypeError
	if errors.As(err, &twice) { // whose own text has several lines
		return nil, fault.New(fault.BadConfig, "%s: %s", path, strings.Join(twice.Errors, "; "))
	}
	if err != nil {
		return nil, fault.New(fault.BadConfig, "%s: %w", path, err)
	}
	values, _ := plain(k.Raw()).(map[string]any)
	return &document{path: path, values: values, lines: lines}, nil
}

// plain removes what the parsers do differently: HCL's blocks come as lists,
// which become maps unless the block is repeated.
func plain(v any) any {
	switch v := v.(type) {
	case []map[string]any:
		if len(v) == 1 {
			return plain(v[0])
		}
		out := make([]any, 0, len(v))
		for _, item := range v {
			out = append(out, plain(item))
		}
		return out
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = plain(v[key])
		}
	}
	return v
}

// origin is where a key of the document stands: for a block whose labels tell
// it from others of the key, where the first of them stands.
func (d *document) origin(key string) Origin {
	line := d.lines[key]
	for path, other := range d.lines {
		if d.lines[key] == 0 && strings.HasPrefix(path, key+".") && (line == 0 || other < line) {
			line = other
		}
	}
	return Origin{Layer: FromFile, Name: d.path, Line: line}
}

// loadFile takes over every setting of a config file.
func (l *loader) loadFile(path string) error {
	doc, err := readFile(path)
	if err != nil {
		return err
	}
	if err := l.loadGroup(doc, "", doc.values); err != nil {
		return err
	}
	if l.values["no_auth"] == true && doc.values["auth"] != nil {
		return doc.origin("no_auth").bad("no_auth = true and an auth block contradict each other; keep one of them")
	}
	return nil
}

func (l *loader) loadGroup(doc *document, prefix string, values map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key, v := prefix+name, values[name]
		t, known := types[key]
		var err error
		switch group, isMap := v.(map[string]any); {
		case !known || strings.Contains(name, "."):
			err = doc.origin(key).bad("%q is not a setting; %s", key, didYouMean(name, names(prefix)))
		case t == nil && v == nil: // all of it is commented out
		case t == nil && isMap:
			err = l.loadGroup(doc, key+".", group)
		case t == nil:
			err = doc.origin(key).bad("%s must be a block of settings, not %s", key, show(v))
		case isBlock(t):
			err = l.loadBlocks(doc, key, v)
		default:
			err = l.loadValue(doc.origin(key), key, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) loadValue(from Origin, key string, v any) error {
	parsed, err := parse(v, types[key])
	if err != nil {
		return from.bad("%s %w", key, err)
	}
	l.put(key, parsed, from)
	return nil
}

// names lists the keys below a group, without the group's prefix.
func names(prefix string) []string {
	var out []string
	for key := range types {
		if name, ok := strings.CutPrefix(key, prefix); ok && !strings.Contains(name, ".") {
			out = append(out, name)
		}
	}
	return out
}
