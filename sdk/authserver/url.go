package authserver

import (
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
)

// Where a server is, unless its URL says otherwise.
const (
	DefaultPort = "5001"
	Path        = "/auth" // of every URL
	DefaultURL  = "ws://localhost:" + DefaultPort + Path
)

const (
	fingerprintKey = "fp="
	maxURL         = 1000 // bytes
	urlForm        = "an authentication server's URL looks like ws://host:" + DefaultPort + Path
)

// URL is the address of an authentication server.
type URL struct {
	Scheme      string // "ws" or "wss"
	Host        string // host:port, always with a port
	Fingerprint string // that the server must have, as package identity writes it; "" if the URL does not say
}

// ParseURL parses a server's URL and adds the default port if it has none. Its
// errors are bad_request faults.
func ParseURL(text string) (URL, error) {
	if len(text) > maxURL {
		return URL{}, fault.New(fault.BadRequest, "a URL has %d bytes; at most %d are allowed", len(text), maxURL)
	}
	u, err := url.Parse(text)
	if err != nil {
		return URL{}, fault.New(fault.BadRequest, "%q is not a URL; %s", text, urlForm)
	}
	host := u.Hostname()
	switch {
	case u.User != nil:
		return URL{}, fault.New(fault.BadRequest, "an authentication server's URL holds no user or password")
	case u.Scheme != "ws" && u.Scheme != "wss":
		return URL{}, fault.New(fault.BadRequest, "the URL %q must begin with ws:// or wss://; %s", text, urlForm)
	case host == "":
		return URL{}, fault.New(fault.BadRequest, "the URL %q names no host; %s", text, urlForm)
	case strings.Contains(host, ":") && !isIPv6(host):
		return URL{}, fault.New(fault.BadRequest, "the URL %q has the host %q, which is neither a name nor an address", text, host)
	case u.Path != Path || u.RawQuery != "" || u.ForceQuery:
		return URL{}, fault.New(fault.BadRequest, "the URL %q must end with %s; %s", text, Path, urlForm)
	}
	parsed := URL{Scheme: u.Scheme, Host: net.JoinHostPort(host, DefaultPort)}
	if port := u.Port(); port != "" {
		parsed.Host = net.JoinHostPort(host, port)
	}
	if u.Fragment != "" {
		print, _ := strings.CutPrefix(u.Fragment, fingerprintKey)
		if _, err := identity.ParseFingerprint(print); err != nil || print == u.Fragment {
			return URL{}, fault.New(fault.BadRequest, "the URL ends with %q; after # there may be a server's fingerprint, fp=SHA256: and 43 characters of base64, and nothing else", u.Fragment)
		}
		parsed.Fingerprint = print
	}
	return parsed, nil
}

func isIPv6(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is6()
}

// String returns the URL in the form that ParseURL accepts.
func (u URL) String() string {
	text := url.URL{Scheme: u.Scheme, Host: u.Host, Path: Path}
	if u.Fingerprint != "" {
		text.Fragment = fingerprintKey + u.Fingerprint
	}
	return text.String()
}
