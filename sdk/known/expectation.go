package known

import (
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/wire"
)

// Expectation decides whether a server is the right one, for one connection.
type Expectation struct {
	address   string
	pinned    string // by the URL; "" if it does not say
	host      Host   // what is remembered, if isKnown
	isKnown   bool
	hosts     Hosts // nil remembers nothing
	onUnknown func(host string, fingerprint identity.Fingerprint) bool
	pin       Host // to be remembered once the server has proven who it is
}

// Expect returns what is expected of the server of an address, host:port, which
// the URL may pin to the text of a fingerprint. Hosts may be nil, and so may
// onUnknown, which is asked whether to pin a server that is neither known nor
// pinned; nil says no.
func Expect(hosts Hosts, address, pinned string, onUnknown func(host string, fingerprint identity.Fingerprint) bool) (*Expectation, error) {
	e := &Expectation{address: address, pinned: pinned, hosts: hosts, onUnknown: onUnknown}
	if hosts == nil {
		return e, nil
	}
	var err error
	e.host, e.isKnown, err = hosts.Lookup(address)
	return e, err
}

// MinEncryption returns the least wire encryption that is remembered of the
// server: 0, 128, 192 or 256.
func (e *Expectation) MinEncryption() int { return e.host.MinEncryption }

// Check is for [wire.DialOptions]: it is asked before anything but the hello is
// sent.
//
// Where the URL pins a fingerprint and the host is known by one, both must be
// right: a redirect cannot replace what was pinned. A server that does not
// encrypt proves nothing, so anyone in between could name its fingerprint: it
// is accepted if nothing was pinned and no encryption is asked for, and only
// then.
func (e *Expectation) Check(s wire.Server) error {
	pinned := e.pinned
	if e.isKnown && (pinned == "" || pinned == s.Fingerprint.String()) { // else the URL's is wrong already
		pinned = e.host.Fingerprint.String()
	}
	print := s.Fingerprint
	switch {
	case pinned != "" && s.Encryption == 0:
		return fault.New(fault.WrongServer, "%s is pinned to the fingerprint %s, which it can prove only by encrypting, and it does not", e.address, pinned)
	case pinned != "" && pinned != print.String():
		return fault.New(fault.WrongServer, "%s has the fingerprint %s, and %s was pinned: it is another server, or somebody is in between; if its operator gave it a new identity, remove its line from the known_hosts file, or the pin from the URL", e.address, print, pinned)
	case pinned != "" || s.Encryption == 0:
		return nil
	case e.onUnknown == nil || !e.onUnknown(e.address, print):
		return fault.New(fault.UnknownServer, "%s is not known; its fingerprint is %s; if that is right, pin it (#fp=%[2]s at the end of the URL, or trust on first use)", e.address, print)
	case e.hosts == nil:
		return nil
	}
	e.pin = Host{Name: e.address, Fingerprint: print, MinEncryption: s.Encryption}
	return nil
}

// Proven pins what Check said is to be pinned, if anything. The server has
// proven who it is once a message of its could be opened.
func (e *Expectation) Proven() error {
	if e.pin.Name == "" {
		return nil
	}
	pin := e.pin
	e.pin = Host{}
	return e.hosts.Pin(pin)
}
