package ldap

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/plugin"
)

// good is a configuration that needs no files.
func good() configMap {
	return configMap{"url": "ldaps://ldap.example.com", "domains": []string{"example.com"}, "user_base": "dc=example,dc=com", "group_base": "dc=example,dc=com"}
}

func parse(tb testing.TB, c configMap) (config, error) {
	tb.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		tb.Fatal(err)
	}
	return parseConfig(text)
}

// What is not written has the value that the README says.
func TestDefaults(t *testing.T) {
	c, err := parse(t, good())
	if err != nil {
		t.Fatal(err)
	}
	if c.server.address != "ldap.example.com:636" || c.server.security != overTLS || c.ttl != time.Minute || c.timeout != 5*time.Second || c.maxMembers != 64 ||
		c.users.filter != "(mail={owner})" || c.groups.filter != "(cn={group})" || c.keyAttribute != "description" || c.memberAttribute != "member" || c.memberFilter != "(objectClass=*)" {
		t.Errorf("the defaults are %+v", c)
	}
}

// Where the plugin connects to, and how: plaintext goes only to this machine,
// or where it was said to.
func TestURLs(t *testing.T) {
	for _, c := range []struct {
		others  configMap
		address string
		how     security
	}{
		{configMap{"url": "ldaps://h"}, "h:636", overTLS},
		{configMap{"url": "ldaps://h:1/"}, "h:1", overTLS},
		{configMap{"url": "ldaps://[2001:db8::1]"}, "[2001:db8::1]:636", overTLS},
		{configMap{"url": "ldap://h", "starttls": true}, "h:389", startTLS},
		{configMap{"url": "ldap://h:1", "allow_plaintext": true}, "h:1", plaintext},
		{configMap{"url": "ldap://localhost"}, "localhost:389", plaintext},
		{configMap{"url": "ldap://127.9.9.9"}, "127.9.9.9:389", plaintext},
		{configMap{"url": "ldap://[::1]:1"}, "[::1]:1", plaintext},
		{configMap{"url": "ldap://127.0.0.1", "starttls": true, "ca": "/ca"}, "127.0.0.1:389", startTLS},
	} {
		with := good()
		for key, value := range c.others {
			with[key] = value
		}
		got, err := parse(t, with)
		if err != nil || got.server.address != c.address || got.server.security != c.how {
			t.Errorf("%v: %q, %v, %v; want %q, %v", c.others, got.server.address, got.server.security, err, c.address, c.how)
		}
	}
}

// Every mistake is a bad_config fault that names the key, and repeats no
// password from a URL.
func TestBadConfig(t *testing.T) {
	for _, c := range []struct {
		key   string
		value any
		want  string
	}{
		{"url", "", "url"}, {"url", "ldap.example.com", "url"}, {"url", "https://h", "url"}, {"url", "ldapi://h", "url"}, {"url", "ldaps://", "url"},
		{"url", "ldaps://h/dc=x", "url"}, {"url", "ldaps://h?x", "url"}, {"url", "ldaps://h#x", "url"}, {"url", "ldaps://joe:secret@h", "url"},
		{"url", "ldaps://h:0", "port"}, {"url", "ldaps://h:99999", "port"}, {"url", "ldaps://h:x", "url"}, {"url", "ldaps://h\n", "url"}, {"url", 1, "url"},
		{"url", "ldap://h", "starttls"}, {"url", "ldap://128.0.0.1", "starttls"}, {"url", "ldap://localhost.example.com", "starttls"}, {"url", "ldap://[::2]", "starttls"},
		{"starttls", true, "starttls"}, {"allow_plaintext", true, "allow_plaintext"}, {"ca", "ca.pem", "absolute"},
		{"bind_dn", "cn=x", "bind_password_file"}, {"bind_password_file", "/x", "bind_dn"}, {"bind_dn", "a\nb", "bind_"}, {"bind_password", "secret", `"bind_password"`},
		{"domains", []string{}, "domains"}, {"domains", []string{"Example.com"}, "domains"}, {"domains", []string{"nodot"}, "domains"}, {"domains", []string{"a.b/c"}, "domains"},
		{"domains", []string{"*"}, "domains"}, {"domains", "example.com", "domains"}, {"domains", make([]string, maxDomains+1), "domains"},
		{"user_base", "people", "user_base"}, {"user_base", "dc=x,,", "user_base"}, {"user_base", strings.Repeat("dc=x,", 1000) + "dc=x", "user_base"}, {"group_base", "cn", "group_base"},
		{"user_filter", "", "user_filter"}, {"user_filter", "mail={owner}", "user_filter"}, {"user_filter", "(mail={owner}", "user_filter"}, {"user_filter", "(mail={owner})(x=y)", "user_filter"},
		{"user_filter", "(mail=joe)", "user_filter"}, {"user_filter", "(mail={domain})", "user_filter"}, {"user_filter", "(mail={Owner})", "{Owner}"}, {"user_filter", "(mail={owner}{)", "brace"},
		{"user_filter", "(mail={{owner}})", "brace"}, {"user_filter", "({name}=x)", "where an attribute's name stands"}, {"user_filter", "(&(mail={owner})({name}=x))", "where an attribute's name stands"},
		{"user_filter", "{owner}", "where an attribute's name stands"}, {"user_filter", "(mail={owner})" + strings.Repeat(" ", maxFilter), "at most"},
		{"group_filter", "(cn=x)", "group_filter"}, {"group_filter", "(cn={owner})", "group_filter"}, {"group_filter", "(cn={group}", "group_filter"},
		{"member_filter", "x", "member_filter"}, {"member_filter", "(cn={group})", "member_filter"},
		{"key_attribute", "", "key_attribute"}, {"key_attribute", "a b", "key_attribute"}, {"key_attribute", "*", "key_attribute"}, {"key_attribute", "1.1.", "key_attribute"},
		{"group_members", "member)", "group_members"}, {"group_members", strings.Repeat("a", 201), "group_members"},
		{"max_members", 0, "max_members"}, {"max_members", 65, "max_members"}, {"max_members", "all", "max_members"},
		{"ttl", "soon", "ttl"}, {"ttl", "25h", "ttl"}, {"timeout", 0, "timeout"}, {"timeout", "2m", "timeout"}, {"timeout", -1, "timeout"}, {"nothing", 1, "nothing"},
	} {
		with := good()
		with[c.key] = c.value
		text, _ := json.Marshal(with)
		for what, err := range map[string]error{"Validate": New().Validate(text), "Configure": New().Configure(t.Context(), plugin.Setup{Config: text})} {
			if !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s with %s = %.60q: %v; want a bad_config fault that has %q", what, c.key, fmt.Sprint(c.value), err, c.want)
			}
		}
	}
	for name, with := range map[string]configMap{
		"nothing to ask about":           {"url": "ldaps://h"},
		"one name in two domains":        {"url": "ldaps://h", "user_base": "dc=x", "domains": []string{"a.com", "b.com"}, "user_filter": "(uid={name})"},
		"contradicting ways":             {"url": "ldap://h", "user_base": "dc=x", "domains": []string{"a.com"}, "starttls": true, "allow_plaintext": true},
		"certificates without their use": {"url": "ldap://h", "user_base": "dc=x", "domains": []string{"a.com"}, "ca": "/ca", "allow_plaintext": true},
	} {
		if _, err := parse(t, with); !fault.Is(err, fault.BadConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A bad setting for DNS is found when the plugin is configured.
func TestBadDNS(t *testing.T) {
	text, _ := json.Marshal(good())
	if err := New().Configure(t.Context(), plugin.Setup{Config: text, DNS: plugin.DNS{Server: "no address"}}); !fault.Is(err, fault.BadConfig) {
		t.Errorf("Configure with a bad DNS server: %v", err)
	}
}

// Without TLS to another machine, the log warns.
func TestPlaintextWarning(t *testing.T) {
	with := good()
	with["url"], with["allow_plaintext"] = "ldap://h", true
	if _, l := configured(t, with); !strings.Contains(l.String(), "can be read and changed on the way") {
		t.Errorf("the log is %q", l)
	}
}

// The README's LDIF and configuration fit each other: joe and the engineers
// have chains.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) string {
		found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(text)
		if found == nil {
			t.Fatalf("the README has no example in %s", language)
		}
		return string(found[1])
	}
	d := &ldapServer{records: parseLDIF(block("ldif"))}
	d.start(t, nil)
	with := configFor(t, d, "ldap", nil)
	for _, line := range regexp.MustCompile(`(?m)^  (\w+) += "(.*)"$`).FindAllStringSubmatch(block("hcl"), -1) {
		if key := line[1]; key != "url" && key != "ca" && !strings.HasPrefix(key, "bind_") {
			with[key] = line[2]
		}
	}
	r, _ := configured(t, with)
	wants(t, r, "example.com/joe/db", "0 keys, 1 ids")
	wants(t, r, "engineers/db", "0 keys, 1 ids")

	var activeDirectory struct{ Auth map[string]configMap }
	if err := yaml.Unmarshal([]byte(block("yaml")), &activeDirectory); err != nil {
		t.Fatal(err)
	}
	if _, err := parse(t, activeDirectory.Auth["ldap"]); err != nil {
		t.Errorf("the example for Active Directory: %v", err)
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("(mail={owner})", "joe")
	f.Add("(&(uid={name})(!(x=*{domain}*)))", "*)(uid=*")
	f.Add(`(a:dn:2.4.6:=\2a{owner})`, "\x00\\")
	f.Fuzz(func(t *testing.T, text, value string) {
		filter, err := parseFilter("filter", text, "owner", "name", "domain")
		if err != nil {
			if !fault.Is(err, fault.BadConfig) {
				t.Errorf("the error is %v", err)
			}
			return
		}
		if value == "" {
			return
		}
		// Whatever the value is, it is a value and no more.
		plain, hostile := compile(t, filter.with("owner", "x", "name", "x", "domain", "x")), compile(t, filter.with("owner", value, "name", value, "domain", value))
		if !sameShape(plain, hostile) {
			t.Errorf("in %q, the value %q changes the filter", text, value)
		}
	})
}

func FuzzKeyValues(f *testing.F) {
	f.Add("ate-sign-v1:AUJL")
	f.Add("atekey13uyhxq3h8sg6rm9h4xtrl2fmssrdxc3gea5pwup2j2u2zk725fus0la2zn")
	f.Fuzz(func(t *testing.T, value string) {
		var set keySet
		set.addValues([]string{value})
		if set.size()+set.broken > 1 {
			t.Errorf("%q is %d keys and %d broken ones", value, set.size(), set.broken)
		}
		for _, id := range set.grant().RootKeyIDs {
			if keys.FormatID(id) != strings.TrimSpace(value) {
				t.Errorf("%q is the key %s", value, keys.FormatID(id))
			}
		}
	})
}

func FuzzParseURL(f *testing.F) {
	f.Add("ldaps://h:1/")
	f.Add("ldap://[::1]")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := parseURL(text)
		if err == nil && (u.Hostname() == "" || u.User != nil || len(text) > 300) || err != nil && !fault.Is(err, fault.BadConfig) {
			t.Errorf("%q is %v, %v", text, u, err)
		}
	})
}
