package client

import (
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/known"
	"github.com/atedb/atedb/sdk/wire"
)

// checkServer returns what decides whether the server of a URL is the right
// one. It is asked before anything but the hello is sent.
//
// Where the URL pins a fingerprint and the host is known by one, both must be
// right: a redirect cannot replace what was pinned. A server that does not encrypt proves nothing, so anyone in between could
// name its fingerprint: it is accepted if nothing was pinned and MinEncryption
// allows it, and only then.
func (c *Client) checkServer(target chainname.URL) func(wire.Server) error {
	return func(s wire.Server) error {
		host, isKnown := known.Host{}, false
		if c.options.Hosts != nil {
			var err error
			if host, isKnown, err = c.options.Hosts.Lookup(target.Host); err != nil {
				return err
			}
		}
		pinned := target.Fingerprint
		if isKnown && (pinned == "" || pinned == s.Fingerprint.String()) { // else the URL's is wrong already
			pinned = host.Fingerprint.String()
		}
		print := s.Fingerprint
		switch {
		case isKnown && s.Encryption < host.MinEncryption:
			return fault.New(fault.WrongServer, "%s was known to encrypt with %d bits and now offers %d: somebody may be in between; if its operator changed it, remove it from the known servers", target.Host, host.MinEncryption, s.Encryption)
		case pinned != "" && s.Encryption == 0:
			return fault.New(fault.WrongServer, "%s is pinned to the fingerprint %s, which it can prove only by encrypting, and it does not", target.Host, pinned)
		case pinned != "" && pinned != print.String():
			return fault.New(fault.WrongServer, "%s has the fingerprint %s, and %s was pinned: it is another server, or somebody is in between", target.Host, print, pinned)
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
