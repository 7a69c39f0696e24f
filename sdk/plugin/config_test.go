package plugin

import (
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
)

type testConfig struct {
	File  string `json:"file"`
	Limit int    `json:"limit,omitempty"`
	Inner struct {
		Deep bool `json:"deep"`
	} `json:"inner"`
	hidden string
}

func TestDecodeConfig(t *testing.T) {
	for _, nothing := range []string{"", "  ", "null", "{}"} {
		c := testConfig{File: "default"}
		if err := DecodeConfig([]byte(nothing), &c); err != nil || c.File != "default" {
			t.Errorf("%q gave %+v, %v", nothing, c, err)
		}
	}
	c := testConfig{File: "default", Limit: 3, hidden: "kept"}
	if err := DecodeConfig([]byte(`{"limit": 4, "inner": {"deep": true}}`), &c); err != nil {
		t.Fatal(err)
	}
	if c.File != "default" || c.Limit != 4 || !c.Inner.Deep || c.hidden != "kept" {
		t.Errorf("decoded %+v", c)
	}
}

func TestDecodeConfigNamesTheKey(t *testing.T) {
	for config, want := range map[string]string{
		`{"fill": "x"}`:            `unknown key "fill" in the plugin's configuration; the keys are file, inner, limit`,
		`{"FILE": "x"}`:            `unknown key "FILE"`,
		`{"zz": 1, "aa": 1}`:       `unknown key "aa"`,
		`{"hidden": "x"}`:          `unknown key "hidden"`,
		`{"limit": "many"}`:        `"limit"`,
		`{"limit": 1.5}`:           `"limit"`,
		`{"inner": {"deep": 1}}`:   `"inner.deep"`,
		`{"inner": {"deeep": 1}}`:  `"deeep"`,
		`[]`:                       "not a JSON object",
		`{"file": "x"} {"file": 1`: "not a JSON object",
		`{"file": `:                "not a JSON object",
	} {
		err := DecodeConfig([]byte(config), &testConfig{})
		if !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", config, err, want)
		}
	}
	if err := DecodeConfig([]byte(`{"a": 1}`), &struct{}{}); err == nil || !strings.Contains(err.Error(), "takes none") {
		t.Errorf("got %v", err)
	}
}
