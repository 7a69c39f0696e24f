package ate

import (
	"encoding/json"
	"time"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/setting"
)

const defaultTTL = time.Minute

// config is the plugin's configuration, checked.
type config struct {
	url   authserver.URL // with its fingerprint, if there is one
	ttl   time.Duration
	trust bool // on first use
}

// parseConfig reads and checks a configuration. Its errors are bad_config faults
// that name the key.
func parseConfig(text []byte) (config, error) {
	keys := struct {
		URL         string          `json:"url"`
		Fingerprint string          `json:"fingerprint"`
		TTL         json.RawMessage `json:"ttl"`
		Trust       bool            `json:"trust_on_first_use"`
	}{Trust: true}
	if err := plugin.DecodeConfig(text, &keys); err != nil {
		return config{}, err
	}
	if keys.URL == "" {
		return config{}, fault.New(fault.BadConfig, "auth ate needs url, the authentication server's, such as %q", authserver.DefaultURL)
	}
	c := config{trust: keys.Trust}
	var err error
	if c.url, err = authserver.ParseURL(keys.URL); err != nil {
		return config{}, fault.New(fault.BadConfig, "url: %w", err)
	}
	if c.ttl, err = setting.Duration("ttl", keys.TTL, defaultTTL); err != nil {
		return config{}, err
	}
	if c.ttl > auth.MaxTTL {
		return config{}, fault.New(fault.BadConfig, "ttl is %v; at most %v are allowed", c.ttl, auth.MaxTTL)
	}
	if keys.Fingerprint == "" {
		return c, nil
	}
	if _, err := identity.ParseFingerprint(keys.Fingerprint); err != nil {
		return config{}, fault.New(fault.BadConfig, "fingerprint: %w", err)
	}
	if c.url.Fingerprint != "" && c.url.Fingerprint != keys.Fingerprint {
		return config{}, fault.New(fault.BadConfig, "url ends with the fingerprint %s, and fingerprint is %s; write the right one once", c.url.Fingerprint, keys.Fingerprint)
	}
	c.url.Fingerprint = keys.Fingerprint
	return c, nil
}
