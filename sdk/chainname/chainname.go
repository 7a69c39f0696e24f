// Package chainname is the name of a chain and the rules for it.
//
// A chain is named by a path of two or three parts:
//
//	domain/name/db   the database db of the user name@domain,  example.com/joe/mydb
//	group/db         the database db of the group,             engineers/mydb
//
// and reached at a URL whose path is /db/ followed by the name:
//
//	ws://host:5000/db/example.com/joe/mydb
//	wss://host:5000/db/example.com/joe/mydb
//	tcp://host:5000/db/engineers/mydb
//
// The URL may end with the fingerprint that the server must have, as package
// identity writes it: #fp=SHA256: and 43 characters.
//
// Names become folders on the server's disk, so the alphabet is strict and a
// name has one spelling: lower-case letters, digits, '-', '_', '.' and, in
// name, '+'. A part begins and ends with a letter or a digit. A domain has at
// least one dot (or is "localhost"), a group has none, which is what tells the
// two forms apart.
package chainname

import (
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

// Limits of a name, in bytes.
const (
	MaxPart   = 63  // of a name, a group, a database or a domain's label
	MaxDomain = 253 // of a whole domain, as in DNS
	MaxName   = MaxDomain + 2*(1+MaxPart)
)

// URLPrefix is what stands before the name in a URL's path.
const URLPrefix = "/db/"

// DefaultPort is the TCP port of a server whose URL names none.
const DefaultPort = "5000"

// Name is a valid chain name. Only Parse makes one; the zero value is invalid.
type Name string

// Parse checks that s is a chain name.
// Its error is a fault with code bad_name that says which part is wrong.
func Parse(s string) (Name, error) {
	if len(s) > MaxName {
		return "", fault.New(fault.BadName, "the chain name is %d bytes long; at most %d are allowed", len(s), MaxName)
	}
	parts := strings.Split(s, "/")
	var err error
	switch len(parts) {
	case 2:
		if strings.Contains(parts[0], ".") {
			return "", fault.New(fault.BadName, "chain name %q has two parts, so %q must be a group, which has no dot; a domain needs three parts: domain/name/db", s, parts[0])
		}
		err = checkParts(s, part{"group", parts[0], "-_"}, part{"database", parts[1], "-_."})
	case 3:
		if err = checkDomain(s, parts[0]); err == nil {
			err = checkParts(s, part{"user", parts[1], "-_.+"}, part{"database", parts[2], "-_."})
		}
	default:
		return "", fault.New(fault.BadName, "chain name %q has %d part(s); use domain/name/db or group/db", s, len(parts))
	}
	if err != nil {
		return "", err
	}
	return Name(s), nil
}

// String returns the name as in a URL, without the /db/ prefix.
func (n Name) String() string { return string(n) }

// IsGroup reports whether the chain belongs to a group rather than a user.
func (n Name) IsGroup() bool { return strings.Count(string(n), "/") == 1 }

// Domain returns the owner's domain, or "" for a group's chain.
func (n Name) Domain() string {
	if n.IsGroup() {
		return ""
	}
	domain, _, _ := strings.Cut(string(n), "/")
	return domain
}

// Owner returns who the chain belongs to: name@domain, or the group's name.
func (n Name) Owner() string {
	parts := strings.Split(string(n), "/")
	if len(parts) == 2 {
		return parts[0]
	}
	return parts[1] + "@" + parts[0]
}

// DB returns the last part of the name.
func (n Name) DB() string { return string(n[strings.LastIndexByte(string(n), '/')+1:]) }

// FromURLPath returns the name in the path of a chain's URL.
func FromURLPath(path string) (Name, error) {
	name, ok := strings.CutPrefix(path, URLPrefix)
	if !ok {
		return "", fault.New(fault.BadName, "the URL's path %q does not begin with %s; a chain's URL looks like ws://host:5000/db/domain/name/db", clip(path), URLPrefix)
	}
	return Parse(name)
}

// URL is the parsed address of a chain.
type URL struct {
	Scheme      string // "ws", "wss" or "tcp"
	Host        string // host:port, always with a port
	Name        Name
	Fingerprint string // that the server must have, as package identity writes it; "" if the URL does not say
}

// ParseURL parses a chain's URL and adds the default port if it has none.
func ParseURL(s string) (URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return URL{}, fault.New(fault.BadRequest, "%q is not a URL; a chain's URL looks like ws://host:5000/db/domain/name/db", clip(s))
	}
	switch {
	case u.Scheme != "ws" && u.Scheme != "wss" && u.Scheme != "tcp":
		return URL{}, fault.New(fault.BadRequest, "the URL %q must begin with ws://, wss:// or tcp://", clip(s))
	case u.Hostname() == "":
		return URL{}, fault.New(fault.BadRequest, "the URL %q names no host; write ws://host:5000/db/domain/name/db", clip(s))
	case strings.Contains(u.Hostname(), ":") && !isIPv6(u.Hostname()):
		return URL{}, fault.New(fault.BadRequest, "the URL %q has the host %q, which is neither a name nor an address", clip(s), clip(u.Hostname()))
	case u.User != nil:
		return URL{}, fault.New(fault.BadRequest, "a chain's URL holds no user or password")
	case u.RawQuery != "":
		return URL{}, fault.New(fault.BadRequest, "the URL %q has a query, which a chain's URL does not take", clip(s))
	}
	fingerprint, err := parseFragment(u.Fragment)
	if err != nil {
		return URL{}, err
	}
	name, err := FromURLPath(u.Path)
	if err != nil {
		return URL{}, err
	}
	port := u.Port()
	if port == "" {
		port = DefaultPort
	}
	return URL{Scheme: u.Scheme, Host: net.JoinHostPort(u.Hostname(), port), Name: name, Fingerprint: fingerprint}, nil
}

func isIPv6(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is6()
}

// parseFragment returns the fingerprint in a URL's fragment, if it has one.
func parseFragment(fragment string) (string, error) {
	if fragment == "" {
		return "", nil
	}
	fingerprint, ok := strings.CutPrefix(fragment, fingerprintKey)
	encoded, hashed := strings.CutPrefix(fingerprint, "SHA256:")
	b, err := base64.RawStdEncoding.Strict().DecodeString(encoded)
	if !ok || !hashed || err != nil || len(b) != sha256.Size || strings.ContainsAny(encoded, "\r\n") {
		return "", fault.New(fault.BadRequest, "the URL ends with %q; after # there may be a server's fingerprint, fp=SHA256: and 43 characters of base64, and nothing else", clip(fragment))
	}
	return fingerprint, nil
}

// fingerprintKey stands before the fingerprint in a URL's fragment.
const fingerprintKey = "fp="

// String returns the URL in the form that ParseURL accepts.
func (u URL) String() string {
	text := url.URL{Scheme: u.Scheme, Host: u.Host, Path: URLPrefix + string(u.Name)}
	if u.Fingerprint != "" {
		text.Fragment = fingerprintKey + u.Fingerprint
	}
	return text.String()
}

// part is one part of a name, with the characters it may have inside beside
// lower-case letters and digits.
type part struct{ what, text, inner string }

func checkParts(name string, parts ...part) error {
	for _, p := range parts {
		if err := p.check(name, MaxPart); err != nil {
			return err
		}
	}
	return nil
}

func checkDomain(name, domain string) error {
	if len(domain) > MaxDomain {
		return fault.New(fault.BadName, "the domain in chain name %q is %d bytes long; at most %d are allowed", clip(name), len(domain), MaxDomain)
	}
	if domain != "localhost" && !strings.Contains(domain, ".") {
		return fault.New(fault.BadName, "chain name %q has three parts, so %q must be a domain, which has a dot", clip(name), clip(domain))
	}
	for _, label := range strings.Split(domain, ".") {
		if err := (part{"domain", label, "-"}).check(name, MaxPart); err != nil {
			return err
		}
	}
	return nil
}

func (p part) check(name string, limit int) error {
	if p.text == "" {
		return fault.New(fault.BadName, "the %s in chain name %q has an empty part", p.what, clip(name))
	}
	if len(p.text) > limit {
		return fault.New(fault.BadName, "the %s in chain name %q is %d bytes long; at most %d are allowed", p.what, clip(name), len(p.text), limit)
	}
	for i := range len(p.text) {
		c := p.text[i]
		edge := i == 0 || i == len(p.text)-1
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
		case !edge && strings.IndexByte(p.inner, c) >= 0 && !(c == '.' && p.text[i-1] == '.'):
		case 'A' <= c && c <= 'Z':
			return fault.New(fault.BadName, "the %s in chain name %q has a capital letter; write it in lower case", p.what, clip(name))
		default:
			return fault.New(fault.BadName, "the %s in chain name %q may not have %q at that place; lower-case letters, digits and %q inside are allowed", p.what, clip(name), c, p.inner)
		}
	}
	return nil
}

// clip shortens text from outside so that an error stays one readable line.
func clip(s string) string {
	const limit = 100
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "..."
}
