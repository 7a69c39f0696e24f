package retention

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/atedb/atedb/sdk/compaction/compactiontest"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

func TestSettings(t *testing.T) {
	x := "x"
	full := Rule{
		Name: "r", DropLive: true,
		Selector: Selector{
			Chains:  patterns{{text: "example.com/", begins: true}, {text: "g/db"}},
			Objects: patterns{{begins: true}, {text: "a*b"}},
			Type:    &x, Labels: map[string]string{"l": ""},
		},
		Limits: Limits{Age: 90 * 24 * time.Hour, Versions: 10, Events: 20, Bytes: 1 << 30},
	}
	keep := func(name string, l Limits) Rule { return Rule{Name: name, Keeps: true, Limits: l} }
	for config, want := range map[string]Settings{
		``: {Timer: time.Hour}, `{}`: {Timer: time.Hour}, `{"keep":{},"drop":[]}`: {Timer: time.Hour},
		`{"timer":"10m"}`: {Timer: 10 * time.Minute},
		`{"drop":{"r":{"chains":["example.com/*","g/db"],"objects":["*","a*b"],"type":"x","labels":{"l":""},
			"max_age":"90d","max_versions":10,"max_events":20,"max_bytes":"1GiB","drop_live":true}}}`: {Timer: time.Hour, Rules: []Rule{full}},
		`{"keep":{"r":{}}}`:                               {Timer: time.Hour, Rules: []Rule{keep("r", Limits{})}},
		`{"keep":{"r":{"max_age":60}}}`:                   {Timer: time.Hour, Rules: []Rule{keep("r", Limits{Age: time.Minute})}},
		`{"keep":{"r":{"max_age":"1h30m"}}}`:              {Timer: time.Hour, Rules: []Rule{keep("r", Limits{Age: 90 * time.Minute})}},
		`{"keep":{"r":{"max_age":"36500d"}}}`:             {Timer: time.Hour, Rules: []Rule{keep("r", Limits{Age: maxAge})}},
		`{"keep":{"r":{"max_bytes":"1000"}}}`:             {Timer: time.Hour, Rules: []Rule{keep("r", Limits{Bytes: 1000})}},
		`{"keep":[{"b":{}},{"a":{},"c":{}}]}`:             {Timer: time.Hour, Rules: []Rule{keep("a", Limits{}), keep("b", Limits{}), keep("c", Limits{})}},
		`{"drop":{"a":{"max_events":1}},"keep":{"z":{}}}`: {Timer: time.Hour, Rules: []Rule{keep("z", Limits{}), {Name: "a", Limits: Limits{Events: 1}}}},
	} {
		if got := configured(t, config).settings; !reflect.DeepEqual(got.Rules, want.Rules) && len(got.Rules)+len(want.Rules) > 0 || got.Timer != want.Timer {
			t.Errorf("%s gives %+v; want %+v", config, got, want)
		}
	}
}

// TestBadSettings wants each error to name the rule and the key.
func TestBadSettings(t *testing.T) {
	for config, names := range map[string]string{
		`[]`: "configuration", `{"kept":{}}`: "kept", `{"Keep":{}}`: "Keep",
		`{"timer":0}`: "timer", `{"timer":"10ms"}`: "timer", `{"timer":"9000h"}`: "timer", `{"timer":"often"}`: "timer", `{"timer":null}`: "timer",
		`{"keep":7}`: "keep", `{"keep":null}`: "keep", `{"keep":"x"}`: "keep", `{"keep":[7]}`: "keep",
		`{"keep":{"max_age":"1h"}}`:          `keep "max_age" rules have names`,
		`{"keep":{"r":null}}`:                `keep "r"`,
		`{"keep":{"r":[]}}`:                  `keep "r"`,
		`{"keep":[{"r":{}},{"r":{}}]}`:       `keep "r" twice`,
		`{"drop":{"r":{}}}`:                  `drop "r" max_age`,
		`{"drop":{"r":{"drop_live":true}}}`:  `drop "r" limit`,
		`{"keep":{"r":{"drop_live":false}}}`: `keep "r" drop_live`,
		`{"keep":{"r":{"max_agee":1}}}`:      `keep "r" max_agee`,

		`{"drop":{"r":{"max_age":"1h","drop_live":1}}}`:    `drop "r" drop_live`,
		`{"drop":{"r":{"max_age":"1h","drop_live":null}}}`: `drop "r" drop_live`,
		`{"drop":{"r":{"max_age":"1h","type":null}}}`:      `drop "r" type`,
		`{"drop":{"r":{"max_age":"1h","type":7}}}`:         `drop "r" type`,
		`{"drop":{"r":{"max_age":"1h","labels":null}}}`:    `drop "r" labels`,

		`{"keep":{"r":{"max_age":0}}}`: `keep "r" max_age`, `{"keep":{"r":{"max_age":"0d"}}}`: `keep "r" max_age`,
		`{"keep":{"r":{"max_age":-1}}}`: `keep "r" max_age 90d`, `{"keep":{"r":{"max_age":"-1d"}}}`: `keep "r" max_age`,
		`{"keep":{"r":{"max_age":"36501d"}}}`: `keep "r" max_age`, `{"keep":{"r":{"max_age":"99999999999999999999d"}}}`: `keep "r" max_age`,
		`{"keep":{"r":{"max_age":"1.5d"}}}`: `keep "r" max_age`, `{"keep":{"r":{"max_age":"long"}}}`: `keep "r" max_age`,
		`{"keep":{"r":{"max_age":"1ms"}}}`: `keep "r" max_age`, `{"keep":{"r":{"max_age":[]}}}`: `keep "r" max_age`,

		`{"keep":{"r":{"max_versions":0}}}`: `keep "r" max_versions`, `{"keep":{"r":{"max_versions":1000000001}}}`: `keep "r" max_versions`,
		`{"keep":{"r":{"max_versions":"2"}}}`: `keep "r" max_versions`, `{"keep":{"r":{"max_versions":1.5}}}`: `keep "r" max_versions`,
		`{"keep":{"r":{"max_events":-1}}}`: `keep "r" max_events`, `{"keep":{"r":{"max_events":1e16}}}`: `keep "r" max_events`,
		`{"keep":{"r":{"max_bytes":0}}}`: `keep "r" max_bytes`, `{"keep":{"r":{"max_bytes":"large"}}}`: `keep "r" max_bytes`,

		`{"keep":{"r":{"chains":[]}}}`: `keep "r" chains`, `{"keep":{"r":{"chains":"a/b"}}}`: `keep "r" chains`,
		`{"keep":{"r":{"chains":["a"]}}}`: `keep "r" chains`, `{"keep":{"r":{"chains":["a/b","a*/b"]}}}`: `keep "r" chains`,
		`{"keep":{"r":{"chains":["a**"]}}}`: `keep "r" chains`, `{"keep":{"r":{"chains":[null]}}}`: `keep "r" chains`,
		`{"keep":{"r":{"chains":["` + strings.Repeat("a", 500) + `*"]}}}`: `keep "r" chains`,
		`{"keep":{"r":{"objects":[]}}}`:                                   `keep "r" objects`, `{"keep":{"r":{"objects":[""]}}}`: `keep "r" objects`,
		`{"keep":{"r":{"objects":["` + strings.Repeat("a", 129) + `"]}}}`:                                       `keep "r" objects 128`,
		`{"keep":{"r":{"objects":["x"` + strings.Repeat(`,"a"`, 100) + `]}}}`:                                   `keep "r" objects 101`,
		`{"keep":{"r":{"labels":{}}}}`:                                                                          `keep "r" labels`,
		`{"keep":{"r":{"labels":{"a":null,"b":""}}}}`:                                                           `keep "r" labels`,
		`{"keep":{"r":{"labels":{"a":1}}}}`:                                                                     `keep "r" labels`,
		`{"keep":{"r":{"labels":["a"]}}}`:                                                                       `keep "r" labels`,
		`{"keep":{"r":{"labels":{` + numbered(17, `"%d":""`) + `}}}}`:                                           `keep "r" labels 17`,
		`{"keep":{"a":{},` + numbered(50, `"%d":{}`) + `},"drop":{` + numbered(50, `"%d":{"max_age":1}`) + `}}`: "101 rules",
	} {
		for what, err := range map[string]error{
			"Validate":  New().Validate([]byte(config)),
			"Configure": New().Configure(t.Context(), plugin.Setup{Config: []byte(config)}),
		} {
			for _, name := range strings.Fields(names) {
				if !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), name) {
					t.Errorf("%s(%.200s) = %v; want a bad_config fault that says %s", what, config, err, name)
				}
			}
		}
	}
}

// numbered joins n texts with numbers in them.
func numbered(n int, format string) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(texts, ",")
}

// TestREADME proves that the README's examples in YAML are good.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	for _, example := range examples {
		var config struct {
			Compaction []map[string]any `yaml:"compaction"`
		}
		if err := yaml.Unmarshal(example[1], &config); err != nil {
			t.Fatal(err)
		}
		for _, block := range config.Compaction {
			own, err := json.Marshal(block["retention"])
			if err != nil {
				t.Fatal(err)
			}
			if s := configured(t, string(own)); block["retention"] != nil && len(s.settings.Rules) == 0 {
				t.Errorf("an example has no rules: %s", example[1])
			}
		}
	}
	if len(examples) != 2 {
		t.Errorf("there are %d examples; want 2", len(examples))
	}
}

// FuzzSettings proves that a configuration is either refused with a bad_config
// fault, or gives rules within the limits whose votes keep the contract.
func FuzzSettings(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"timer":"1h","keep":{"a":{}}}`, `{"keep":[{"a":{"max_versions":3}},{"b":{"max_age":"30d"}}]}`,
		`{"drop":{"d":{"chains":["example.com/*"],"objects":["a*"],"type":"x","labels":{"l":"1"},"max_age":1.5,"max_versions":1,"max_events":2,"max_bytes":"1KiB","drop_live":true}}}`,
		`{"keep":{"a":null}}`, `{"drop":{"d":{"max_age":"-1d"}}}`, `{"keep":[null,{}]}`,
	} {
		f.Add([]byte(seed))
	}
	c := chain("^genesis a,type=x,l=1,size=2000 a b,type=x,l=1,size=9 b,end c a,type=x,l=1")
	f.Fuzz(func(t *testing.T, config []byte) {
		s, err := parseSettings(config)
		if err != nil {
			if !fault.Is(err, fault.BadConfig) {
				t.Fatalf("the error is %v", err)
			}
			return
		}
		if s.Timer < minTimer || s.Timer > maxTimer || len(s.Rules) > maxRules {
			t.Fatalf("the settings are %+v", s)
		}
		for _, r := range s.Rules {
			l := r.Limits
			if l.Age < 0 || l.Age > maxAge || l.Versions < 0 || l.Versions > maxVersions || l.Events < 0 || l.Bytes < 0 || r.Keeps && r.DropLive || !r.Keeps && l == (Limits{}) {
				t.Fatalf("a rule is %+v", r)
			}
		}
		strategy := &Strategy{settings: s}
		got := compactiontest.Votes(t, strategy, c)
		if again := compactiontest.Votes(t, strategy, c); !reflect.DeepEqual(got, again) {
			t.Fatalf("the votes differ: %v, then %v", got, again)
		}
		if _, err := strategy.Rules(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
