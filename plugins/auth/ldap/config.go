package ldap

import (
	"encoding/json"
	"regexp"
	"slices"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
	"github.com/atedb/atedb/sdk/setting"
)

// settings are the plugin's configuration as it is written.
type settings struct {
	URL              string          `json:"url"`
	StartTLS         bool            `json:"starttls"`
	AllowPlaintext   bool            `json:"allow_plaintext"`
	CA               string          `json:"ca"`
	BindDN           string          `json:"bind_dn"`
	BindPasswordFile string          `json:"bind_password_file"`
	Domains          []string        `json:"domains"`
	UserBase         string          `json:"user_base"`
	UserFilter       string          `json:"user_filter"`
	KeyAttribute     string          `json:"key_attribute"`
	GroupBase        string          `json:"group_base"`
	GroupFilter      string          `json:"group_filter"`
	GroupMembers     string          `json:"group_members"`
	MemberFilter     string          `json:"member_filter"`
	MaxMembers       int             `json:"max_members"`
	TTL              json.RawMessage `json:"ttl"`
	Timeout          json.RawMessage `json:"timeout"`
}

// config is the plugin's configuration, checked. It holds no secret: the
// password is read when it is sent.
type config struct {
	server  server
	domains []string
	users   place
	groups  place

	keyAttribute    string
	memberAttribute string
	memberFilter    string
	maxMembers      int

	ttl     time.Duration
	timeout time.Duration // of a question as a whole
}

// place is where entries of one kind are.
type place struct {
	base   *goldap.DN // nil if the directory is not asked about them
	text   string     // base as it was written
	filter filter
}

// parseConfig reads and checks a configuration, but not the files that it
// names. Its errors are bad_config faults that name the key.
func parseConfig(text []byte) (config, error) {
	s := settings{
		UserFilter: "(mail={owner})", GroupFilter: "(cn={group})", MemberFilter: "(objectClass=*)",
		KeyAttribute: "description", GroupMembers: "member", MaxMembers: defaultMaxMembers,
	}
	if err := plugin.DecodeConfig(text, &s); err != nil {
		return config{}, err
	}
	c := config{
		domains: s.Domains, keyAttribute: s.KeyAttribute, memberAttribute: s.GroupMembers,
		memberFilter: s.MemberFilter, maxMembers: s.MaxMembers,
	}
	for _, step := range []func(*settings) error{c.readServer, c.readUsers, c.readGroups, c.readAttributes, c.readTimes} {
		if err := step(&s); err != nil {
			return config{}, err
		}
	}
	return c, nil
}

func (c *config) readUsers(s *settings) (err error) {
	if s.UserBase == "" {
		if s.GroupBase == "" {
			return fault.New(fault.BadConfig, "auth ldap needs user_base, where users are in the directory, or group_base, where groups are, or both")
		}
		return nil
	}
	if len(s.Domains) == 0 || len(s.Domains) > maxDomains {
		return fault.New(fault.BadConfig, "domains has %d entries; write the domains whose users are under user_base, 1 to %d", len(s.Domains), maxDomains)
	}
	for _, domain := range s.Domains {
		name, err := chainname.Parse(domain + "/name/db")
		if err != nil || name.Domain() != domain {
			return fault.New(fault.BadConfig, "domains has %.100q, which is not a domain; write one such as \"example.com\", in lower case", domain)
		}
	}
	c.users, err = parsePlace("user", s.UserBase, s.UserFilter, "owner", "name", "domain")
	switch {
	case err != nil:
		return err
	case !c.users.filter.has("owner") && !c.users.filter.has("name"):
		return fault.New(fault.BadConfig, "user_filter finds the same entries for every user; put {owner} or {name} into it")
	case !c.users.filter.has("owner") && !c.users.filter.has("domain") && len(slices.Compact(slices.Sorted(slices.Values(s.Domains)))) > 1:
		return fault.New(fault.BadConfig, "user_filter finds one entry for users of the same name in several domains; put {owner} or {domain} into it, or write one domain only")
	}
	return nil
}

func (c *config) readGroups(s *settings) (err error) {
	if s.GroupBase == "" {
		return nil
	}
	if c.groups, err = parsePlace("group", s.GroupBase, s.GroupFilter, "group"); err != nil {
		return err
	}
	if !c.groups.filter.has("group") {
		return fault.New(fault.BadConfig, "group_filter finds the same entries for every group; put {group} into it")
	}
	if _, err := parseFilter("member_filter", s.MemberFilter); err != nil {
		return err
	}
	if s.MaxMembers < 1 || s.MaxMembers > auth.MaxRootKeys {
		return fault.New(fault.BadConfig, "max_members is %d; 1 to %d are allowed", s.MaxMembers, auth.MaxRootKeys)
	}
	return nil
}

// attributeName is a name with options, or an object identifier (RFC 4512, 2.5).
var attributeName = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*|[0-9]+(\.[0-9]+)+)(;[A-Za-z0-9-]+)*$`)

func (c *config) readAttributes(s *settings) error {
	for _, a := range []struct{ key, value string }{{"key_attribute", s.KeyAttribute}, {"group_members", s.GroupMembers}} {
		if len(a.value) > 200 || !attributeName.MatchString(a.value) {
			return fault.New(fault.BadConfig, "%s is %.100q, which is not the name of an attribute", a.key, a.value)
		}
	}
	return nil
}

func (c *config) readTimes(s *settings) (err error) {
	if c.ttl, err = setting.Duration("ttl", s.TTL, defaultTTL); err != nil {
		return err
	}
	if c.timeout, err = setting.Duration("timeout", s.Timeout, defaultTimeout); err != nil {
		return err
	}
	switch {
	case c.ttl > auth.MaxTTL:
		return fault.New(fault.BadConfig, "ttl is %v; at most %v are allowed", c.ttl, auth.MaxTTL)
	case c.timeout < time.Millisecond || c.timeout > maxTimeout:
		return fault.New(fault.BadConfig, "timeout is %v; 1ms to %v are allowed", c.timeout, maxTimeout)
	}
	return nil
}
