package https

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/atedb/atedb/plugins/auth/internal/scope"
	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/setting"
)

// wellKnown is the path of a domain's key document (RFC 8615).
const wellKnown = "/.well-known/atedb/keys.json"

// placeholder is what a user's name replaces in a URL.
const placeholder = "{name}"

// config is the plugin's configuration, checked.
type config struct {
	scope        scope.Scope
	sshKeys      map[string]string // URLs with a placeholder, by domain
	ttl          time.Duration
	timeout      time.Duration
	maxSize      int64
	ca           string // path of a PEM file, or "" for whom the system trusts
	allowPrivate bool
}

// parseConfig reads and checks a configuration. Its errors are bad_config faults
// that name the key.
func parseConfig(text []byte) (config, error) {
	var keys struct {
		Domains      []string          `json:"domains"`
		Groups       map[string]string `json:"groups"`
		SSHKeys      map[string]string `json:"ssh_keys"`
		TTL          json.RawMessage   `json:"ttl"`
		Timeout      json.RawMessage   `json:"timeout"`
		MaxSize      json.RawMessage   `json:"max_size"`
		CA           string            `json:"ca"`
		AllowPrivate bool              `json:"allow_private"`
	}
	if err := plugin.DecodeConfig(text, &keys); err != nil {
		return config{}, err
	}
	c := config{sshKeys: keys.SSHKeys, ca: keys.CA, allowPrivate: keys.AllowPrivate}
	var err error
	if c.scope, err = scope.New(keys.Domains, keys.Groups); err != nil {
		return config{}, err
	}
	if c.ttl, err = setting.Duration("ttl", keys.TTL, defaultTTL); err != nil {
		return config{}, err
	}
	if c.timeout, err = setting.Duration("timeout", keys.Timeout, defaultTimeout); err != nil {
		return config{}, err
	}
	if c.maxSize, err = setting.Size("max_size", keys.MaxSize, maxSize); err != nil {
		return config{}, err
	}
	if err := c.check(); err != nil {
		return config{}, err
	}
	return c, c.checkSSHKeys(keys.Groups)
}

func (c *config) check() error {
	switch {
	case c.ttl > auth.MaxTTL:
		return fault.New(fault.BadConfig, "ttl is %v; at most %v are allowed", c.ttl, auth.MaxTTL)
	case c.timeout < leastTimeout || c.timeout > mostTimeout:
		return fault.New(fault.BadConfig, "timeout is %v; write %v to %v", c.timeout, leastTimeout, mostTimeout)
	case c.maxSize < 1 || c.maxSize > maxSize:
		return fault.New(fault.BadConfig, "max_size is %d bytes; 1 to %d are allowed", c.maxSize, maxSize)
	}
	return nil
}

func (c *config) checkSSHKeys(groups map[string]string) error {
	for domain, text := range c.sshKeys {
		if chain, err := chainname.Parse(domain + "/user/db"); err != nil || !c.isAsked(chain) {
			return fault.New(fault.BadConfig, "ssh_keys has %.100q, which is not a domain that domains has", domain)
		}
		for group, of := range groups {
			if of == domain {
				return fault.New(fault.BadConfig, "groups says that %s is of %s, of which ssh_keys has only users; name another domain", group, domain)
			}
		}
		if _, err := sshURL(text, "name"); err != nil {
			return fault.New(fault.BadConfig, "ssh_keys of %s: %w", domain, err)
		}
	}
	return nil
}

func (c *config) isAsked(chain chainname.Name) bool {
	_, denied := c.scope.Subject(chain)
	return denied == ""
}

// sshURL returns the URL of a user's list of SSH keys.
func sshURL(text, name string) (*url.URL, error) {
	before, after, ok := strings.Cut(text, placeholder)
	if !ok || strings.Contains(after, placeholder) {
		return nil, fault.New(fault.BadConfig, "the URL %.200q does not have %s once; write one such as https://git.example.com/%s.keys", text, placeholder, placeholder)
	}
	u, err := url.Parse(before + url.PathEscape(name) + after)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return nil, fault.New(fault.BadConfig, "%.200q is not the URL of keys; it begins with https:// and a host, and has neither a user, a query nor a fragment", text)
	}
	if fixed, err := url.Parse(before); err != nil || fixed.Host != u.Host || !strings.HasPrefix(fixed.Path, "/") {
		return nil, fault.New(fault.BadConfig, "the URL %.200q has %s before its path, so that a user's name would choose the host", text, placeholder)
	}
	return u, nil
}
