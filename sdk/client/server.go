package client

import (
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/wire"
)

// lookUp returns what is known of the server of a URL.
func (c *Client) lookUp(target chainname.URL) (host known.Host, isKnown bool, err error) {
	if c.options.Hosts == nil {
		return known.Host{}, false, nil
	}
	return c.options.Hosts.Lookup(target.Host)
}

// checkServer returns what decides whether the server of a URL is the right
// one. It is asked before anything but the hello is sent.
//
// Where the URL pins a fingerprint and the host is known by one, both must be
// right: a redirect cannot replace what was pinned. A server that does not
// encrypt proves nothing, so anyone in between could name its fingerprint: it
// is accepted if nothing was pinned and no encryption is asked for, and only
// then.
func (c *Client) checkServer(target chainname.URL, host known.Host, isKnown bool) func(wire.Server) error {
	return func(s wire.Server) error {
		pinned := target.Fingerprint
		if isKnown && (pinned == "" || pinned == s.Fingerprint.String()) { // else the URL's is wrong already
			pinned = host.Fingerprint.String()
		}
		print := s.Fingerprint
		switch {
		case pinned != "" && s.Encryption == 0:
			return fault.New(fault.WrongServer, "%s is pinned to the fingerprint %s, which it can prove only by encrypting, and it does not", target.Host, pinned)
		case pinned != "" && pinned != print.String():
			return fault.New(fault.WrongServer, "%s has the fingerprint %s, and %s was pinned: it is another server, or somebody is in between; if its operator gave it a new identity, remove its line from the known_hosts file, or the pin from the URL", target.Host, print, pinned)
		case pinned != "" || s.Encryption == 0:
			return nil
		case c.options.OnUnknownServer == nil || !c.options.OnUnknownServer(target.Host, print):
			return fault.New(fault.UnknownServer, "%s is not known; its fingerprint is %s; if that is right, pin it (#fp=%[2]s at the end of the URL, or trust on first use)", target.Host, print)
		case c.options.Hosts == nil:
			return nil
		}
		c.pin = known.Host{Name: target.Host, Fingerprint: print, MinEncryption: s.Encryption}
		return nil
	}
}
