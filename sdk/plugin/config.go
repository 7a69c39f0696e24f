package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

// DecodeConfig decodes a plugin's configuration, a JSON object, into a struct
// with json tags that the caller has filled with the defaults. Nothing at all
// is the same as {}. A key that the struct does not have, spelled exactly so,
// or a value of the wrong type, is a fault with code bad_config that names it.
func DecodeConfig(config []byte, into any) error {
	config = bytes.TrimSpace(config)
	if len(config) == 0 || string(config) == "null" {
		return nil
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(config, &keys); err != nil {
		return fault.New(fault.BadConfig, "the plugin's configuration is not a JSON object: %w", err)
	}
	if err := checkKeys(keys, into); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(config))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return fault.New(fault.BadConfig, "the key %q of the plugin's configuration has a %s, which is not what it takes (%s)", wrong.Field, wrong.Value, wrong.Type)
	case err != nil && !errors.Is(err, io.EOF):
		return fault.New(fault.BadConfig, "the plugin's configuration: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// checkKeys finds the first key, by name, that the struct lacks. Unlike
// encoding/json it tells capitals from small letters.
func checkKeys(keys map[string]json.RawMessage, into any) error {
	t := reflect.TypeOf(into)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var known []string
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			known = append(known, name)
		}
	}
	slices.Sort(known)
	unknown := ""
	for key := range keys {
		if !slices.Contains(known, key) && (unknown == "" || key < unknown) {
			unknown = key
		}
	}
	switch {
	case unknown == "":
		return nil
	case len(known) == 0:
		return fault.New(fault.BadConfig, "unknown key %q in the plugin's configuration; it takes none", unknown)
	}
	return fault.New(fault.BadConfig, "unknown key %q in the plugin's configuration; the keys are %s", unknown, strings.Join(known, ", "))
}
