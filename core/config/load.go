package config

import (
	"maps"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"

	"github.com/atedb/atedb/sdk/fault"
)

// Sources is where Load looks.
type Sources struct {
	// Path is the config file named by --config, or "" to look for one.
	Path string
	// Env is the environment, as os.Environ returns it.
	Env []string
	// Flags holds the flags that were given: the name without dashes and the
	// text of the value. [FlagNames] are known.
	Flags map[string]string

	system []string // stands in for systemFiles in tests
}

// Load reads the settings from all sources and checks them.
// It returns a bad_config fault that names the place and says what to do, or a
// [FlagError] that wraps one.
func Load(s Sources) (*Config, error) {
	l := &loader{values: map[string]any{}, origins: map[string]Origin{}}
	for key, field := range Default().settings() {
		l.values[key] = field.Interface()
	}
	env := environ(s.Env)
	path := s.Path
	if path == "" {
		path = env["ATEDB_CONFIG"]
	}
	if s.system == nil {
		s.system = systemFiles
	}
	path, err := findFile(path, s.system)
	if err != nil {
		return nil, err
	}
	if path != "" {
		if err := l.loadFile(path); err != nil {
			return nil, err
		}
	}
	if err := l.loadEnv(env); err != nil {
		return nil, err
	}
	if err := l.loadFlags(s.Flags); err != nil {
		return nil, err
	}
	return l.config()
}

// loader collects the layers. The values have the types of the settings.
type loader struct {
	values  map[string]any
	origins map[string]Origin // also of the keys inside of blocks
}

// put sets a key, whatever an earlier layer said.
func (l *loader) put(key string, v any, from Origin) {
	maps.DeleteFunc(l.origins, func(k string, _ Origin) bool { return strings.HasPrefix(k, key+".") })
	l.values[key] = v
	l.origins[key] = from
}

// config makes the collected values a checked Config.
func (l *loader) config() (*Config, error) {
	l.resolve()
	k := koanf.New(".")
	if err := k.Load(confmap.Provider(l.values, "."), nil); err != nil {
		return nil, fault.New(fault.Internal, "merging the configuration: %w", err)
	}
	c := &Config{origins: l.origins}
	err := k.UnmarshalWithConf("", c, koanf.UnmarshalConf{
		DecoderConfig: &mapstructure.DecoderConfig{Result: c, TagName: "koanf", ErrorUnused: true},
	})
	if err != nil {
		return nil, fault.New(fault.Internal, "merging the configuration: %w", err)
	}
	if err := c.absolutePaths(); err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// resolve settles what depends on other settings.
func (l *loader) resolve() {
	if l.values["no_auth"] == true {
		l.put("auth", []Block{}, l.origins["no_auth"])
	}
	trust, _ := l.values["trust"].(Block)
	if _, isSet := l.origins["wire_encryption"]; !isSet && trust.Name == TrustDistributed {
		l.values["wire_encryption"] = WireEncryption(0)
	}
}
