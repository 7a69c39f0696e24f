package config

import (
	"encoding"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// settings yields the key and the value of each setting of c, in the order in
// which Config declares them.
func (c *Config) settings() iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) {
		walk("", reflect.ValueOf(c).Elem(), yield)
	}
}

func walk(prefix string, group reflect.Value, yield func(string, reflect.Value) bool) bool {
	for i := range group.NumField() {
		key, field := group.Type().Field(i).Tag.Get("koanf"), group.Field(i)
		switch {
		case key == "":
		case isGroup(field.Type()):
			if !walk(prefix+key+".", field, yield) {
				return false
			}
		case !yield(prefix+key, field):
			return false
		}
	}
	return true
}

func isGroup(t reflect.Type) bool { return t.Kind() == reflect.Struct && t != reflect.TypeFor[Block]() }

// types holds the type of each setting, and nil for each group of settings.
var types = func() map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for key, field := range new(Config).settings() {
		out[key] = field.Type()
		if group, _, ok := strings.Cut(key, "."); ok {
			out[group] = nil
		}
	}
	return out
}()

// parse converts a value from a file to a setting's type.
func parse(v any, t reflect.Type) (any, error) {
	text, isText := v.(string)
	switch {
	case v == nil:
		return nil, errors.New("has no value; give it one or remove the key")
	case isText && t.Kind() == reflect.Bool:
		return nil, fmt.Errorf("must be true or false, without quotes, not %q", text)
	case isText && t.Kind() == reflect.Int && t != reflect.TypeFor[WireEncryption]():
		return nil, fmt.Errorf("must be a number, without quotes, not %q", text)
	case isText && t.Kind() != reflect.Slice:
		return parseText(text, t)
	case t == reflect.TypeFor[WireEncryption]():
		return parseText(fmt.Sprint(v), t)
	case t == reflect.TypeFor[[]string]():
		return parseList(v)
	case reflect.TypeOf(v) == t:
		return v, nil
	}
	return nil, fmt.Errorf("must be %s, not %s", describe(t), show(v))
}

// parseText converts a value from the environment or a flag to a setting's
// type. The parts of a list are separated as in PATH.
func parseText(s string, t reflect.Type) (any, error) {
	if u, ok := reflect.New(t).Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(s)); err != nil {
			return nil, fmt.Errorf("%w, not %q", err, s)
		}
		return reflect.ValueOf(u).Elem().Interface(), nil
	}
	var v any = s
	var err error
	switch {
	case t == reflect.TypeFor[time.Duration]():
		v, err = time.ParseDuration(s)
	case t == reflect.TypeFor[[]string]():
		v = filepath.SplitList(s)
	case t.Kind() == reflect.Bool:
		v, err = strconv.ParseBool(s)
	case t.Kind() == reflect.Int:
		v, err = strconv.Atoi(s)
	}
	if err != nil {
		return nil, fmt.Errorf("must be %s, not %q", describe(t), s)
	}
	return v, nil
}

func parseList(v any) (any, error) {
	items, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("must be a list of texts in square brackets, not %s", show(v))
	}
	out := make([]string, 0, len(items))
	for _, item := range items {
		s, ok := item.(string)
		if !ok {
			return nil, fmt.Errorf("must hold texts only, not %s", show(item))
		}
		out = append(out, s)
	}
	return out, nil
}

// describe says what a value of type t looks like.
func describe(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return `a duration with a unit, such as "5s" or "1h30m"`
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int:
		return "a whole number"
	default:
		return "text in quotes"
	}
}

// show returns a wrong value as a sentence quotes it.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case map[string]any:
		return "a block"
	case []any:
		return "a list"
	case string:
		return strconv.Quote(v)
	default:
		return fmt.Sprint(v)
	}
}

// list joins names for a sentence: "a, b or c".
func list(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// didYouMean returns the end of a sentence about an unknown name: the nearest
// of the known ones, or all of them if none is near.
func didYouMean(name string, known []string) string {
	slices.Sort(known)
	best, distance := "", len(name)/3+2
	for _, k := range known {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return "use " + list(known)
	}
	return fmt.Sprintf("did you mean %s?", best)
}

// editDistance is the number of bytes to insert, remove or replace to make b
// from a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
