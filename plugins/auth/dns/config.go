package dns

import (
	"encoding/json"
	"time"

	"github.com/atedb/atedb/plugins/auth/internal/scope"
	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/setting"
)

const defaultTTL = time.Minute

// config is the plugin's configuration, checked.
type config struct {
	scope         scope.Scope
	ttl           time.Duration
	requireDNSSEC bool
}

// parseConfig reads and checks a configuration. Its errors are bad_config faults
// that name the key.
func parseConfig(text []byte) (config, error) {
	keys := struct {
		Domains       []string          `json:"domains"`
		Groups        map[string]string `json:"groups"`
		TTL           json.RawMessage   `json:"ttl"`
		RequireDNSSEC bool              `json:"require_dnssec"`
	}{RequireDNSSEC: true}
	if err := plugin.DecodeConfig(text, &keys); err != nil {
		return config{}, err
	}
	c := config{requireDNSSEC: keys.RequireDNSSEC}
	var err error
	if c.scope, err = scope.New(keys.Domains, keys.Groups); err != nil {
		return config{}, err
	}
	if c.ttl, err = setting.Duration("ttl", keys.TTL, defaultTTL); err != nil {
		return config{}, err
	}
	if c.ttl > auth.MaxTTL {
		return config{}, fault.New(fault.BadConfig, "ttl is %v; at most %v are allowed", c.ttl, auth.MaxTTL)
	}
	return c, nil
}
