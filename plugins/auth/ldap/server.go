package ldap

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/atedb/atedb/sdk/fault"
)

// server is where the directory is, and how to log in to it.
type server struct {
	url      string // for people
	address  string // host:port
	host     string // that its certificate must name
	security security
	ca       string // path of the certificates to trust, or "" for the system's

	bindDN       string // "" to ask as nobody
	passwordFile string
}

// security is how what is sent to a directory is kept from others.
type security int

const (
	plaintext security = iota
	startTLS           // TLS after a request for it, RFC 4511, 4.14
	overTLS            // TLS from the first byte, ldaps
)

func (c *config) readServer(s *settings) error {
	u, err := parseURL(s.URL)
	if err != nil {
		return err
	}
	c.server = server{url: s.URL, host: u.Hostname(), ca: s.CA, bindDN: s.BindDN, passwordFile: s.BindPasswordFile}
	defaultPort := goldap.DefaultLdapPort
	switch {
	case u.Scheme == "ldaps" && (s.StartTLS || s.AllowPlaintext):
		return fault.New(fault.BadConfig, "an ldaps URL is TLS from the first byte on; remove starttls and allow_plaintext")
	case u.Scheme == "ldaps":
		c.server.security, defaultPort = overTLS, goldap.DefaultLdapsPort
	case s.StartTLS && s.AllowPlaintext:
		return fault.New(fault.BadConfig, "starttls and allow_plaintext contradict each other; remove allow_plaintext")
	case s.StartTLS:
		c.server.security = startTLS
	case !s.AllowPlaintext && !isLoopback(u.Hostname()):
		return fault.New(fault.BadConfig, "url is %.200q, so the password and every answer could be read and changed on the way; write an ldaps URL, or set starttls = true", s.URL)
	}
	if c.server.security == plaintext && s.CA != "" {
		return fault.New(fault.BadConfig, "ca has no use without TLS; remove it, write an ldaps URL, or set starttls = true")
	}
	port := u.Port()
	if port == "" {
		port = defaultPort
	}
	c.server.address = net.JoinHostPort(c.server.host, port)
	return c.server.checkLogin()
}

// parseURL accepts ldap and ldaps URLs with nothing but a host and a port.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > 300 || u.Scheme != "ldap" && u.Scheme != "ldaps" || u.Hostname() == "" || (u.Path != "" && u.Path != "/") ||
		u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, fault.New(fault.BadConfig, "url is not that of a directory; write one such as \"ldaps://ldap.example.com\", with no more than a port behind it")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fault.New(fault.BadConfig, "url has the port %.20q; write 1 to 65535", port)
		}
	}
	return u, nil
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// checkLogin checks how to log in, but not the files.
func (s *server) checkLogin() error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case (s.bindDN == "") != (s.passwordFile == ""):
		return fault.New(fault.BadConfig, "bind_dn and bind_password_file belong together; write both, or none to ask as nobody")
	case len(s.bindDN) > 1000 || strings.ContainsFunc(s.bindDN, unprintable):
		return fault.New(fault.BadConfig, "bind_dn is %.100q; write at most 1000 bytes on one line", s.bindDN)
	case s.passwordFile != "" && !filepath.IsAbs(s.passwordFile):
		return fault.New(fault.BadConfig, "bind_password_file is %.100q; write the absolute path of a file that holds the password", s.passwordFile)
	case s.ca != "" && !filepath.IsAbs(s.ca):
		return fault.New(fault.BadConfig, "ca is %.100q; write the absolute path of a PEM file", s.ca)
	}
	return nil
}
