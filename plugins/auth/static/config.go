package static

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/setting"
	"github.com/atedb/atedb/sdk/token"
)

const (
	defaultTTL     = time.Minute
	defaultContact = "the operator of this server"
	maxContact     = 200 // bytes
)

// config is the plugin's configuration, checked.
type config struct {
	file    string // an absolute path, or "" for inline owners
	inline  json.RawMessage
	ttl     time.Duration
	contact string // whom to ask for a chain
	revoked []token.ID
}

// parseConfig reads and checks a configuration, but not the owners. Its errors
// are bad_config faults that name the key.
func parseConfig(text []byte) (config, error) {
	keys := struct {
		File    string          `json:"file"`
		Owners  json.RawMessage `json:"owners"`
		TTL     json.RawMessage `json:"ttl"`
		Contact string          `json:"contact"`
		Revoked []string        `json:"revoked_tokens"`
	}{Contact: defaultContact}
	if err := plugin.DecodeConfig(text, &keys); err != nil {
		return config{}, err
	}
	ttl, err := setting.Duration("ttl", keys.TTL, defaultTTL)
	if err != nil {
		return config{}, err
	}
	c := config{file: keys.File, inline: keys.Owners, ttl: ttl, contact: keys.Contact}
	for _, text := range keys.Revoked {
		id, err := token.ParseID(text)
		if err != nil {
			return config{}, fault.New(fault.BadConfig, "revoked_tokens: %w", err)
		}
		c.revoked = append(c.revoked, id)
	}
	return c, c.check()
}

func (c *config) check() error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case (c.file == "") == (c.inline == nil):
		return fault.New(fault.BadConfig, "auth static needs either file, the path of an owners file, or owners, the owners themselves")
	case c.file != "" && !filepath.IsAbs(c.file):
		return fault.New(fault.BadConfig, "file is %.100q; write an absolute path", c.file)
	case c.ttl > auth.MaxTTL:
		return fault.New(fault.BadConfig, "ttl is %v; at most %v are allowed", c.ttl, auth.MaxTTL)
	case c.contact == "" || len(c.contact) > maxContact || strings.ContainsFunc(c.contact, unprintable):
		return fault.New(fault.BadConfig, "contact is %.100q; write 1 to %d bytes of text on one line", c.contact, maxContact)
	}
	return nil
}

// load reads the owners, and says what the file was like if they are in one.
func (c *config) load() (owners, os.FileInfo, error) {
	if c.file != "" {
		return readOwners(c.file)
	}
	parsed, err := parseOwners("owners", c.inline)
	return parsed, nil, err
}

// denial is the sentence for an owner who is not listed.
func (c *config) denial(owner string) string {
	return fmt.Sprintf("%s may not have chains on this server; ask %s to add the owner", owner, c.contact)
}
