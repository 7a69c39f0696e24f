package known

import (
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

// Hosts remembers servers. [Folder] and [Memory] implement it. Its methods may
// be called concurrently. A host is a host:port; one that is not, and one with
// letters outside of ASCII, is a bad_request fault.
type Hosts interface {
	// Lookup returns what is remembered of a server, and whether anything is.
	Lookup(host string) (Host, bool, error)
	// Pin remembers a server. If it is remembered already, with the same
	// keys, the higher encryption stays, and a signing key is added where
	// there was none; with other keys, it is a wrong_server fault that names
	// both and says what to remove if the new ones are right.
	Pin(host Host) error
}

// Heads remembers chains. [Folder] and [Memory] implement it. Its methods may be
// called concurrently. It does not check that one head continues another: that
// takes a proof.
type Heads interface {
	// Last returns the newest head that is remembered of a chain, and whether
	// there is any.
	Last(chain event.ChainID) (merkle.Head, bool, error)
	// Remember remembers a head of a chain that a server has under a name,
	// unless the one that is remembered is larger. Another root at the same
	// size, and another chain under the same name of the same server, is a
	// forked fault that names both.
	Remember(chain event.ChainID, name chainname.Name, host string, head merkle.Head) error
	// ChainOf returns the chain that a server was seen to have under a name,
	// and whether there was any.
	ChainOf(host string, name chainname.Name) (event.ChainID, bool, error)
}

// Host is a server as it is remembered.
type Host struct {
	Name          string // host:port
	Fingerprint   identity.Fingerprint
	MinEncryption int            // the least wire encryption that it must use: 0, 128, 192 or 256
	SigningKey    keys.PublicKey // of its checkpoints; the zero value if it is not known
}

// checked returns the host with its name spelled in the one way that is kept.
func (h Host) checked() (Host, error) {
	name, err := checkAddress(h.Name)
	if err != nil {
		return Host{}, err
	}
	h.Name = name
	if h.Fingerprint.IsZero() {
		return Host{}, fault.New(fault.BadRequest, "the server %s cannot be pinned without a fingerprint", name)
	}
	switch h.MinEncryption {
	case 0, 128, 192, 256:
		return h, nil
	}
	return Host{}, fault.New(fault.BadRequest, "the server %s cannot be pinned to %d bit encryption; use 0, 128, 192 or 256", name, h.MinEncryption)
}

// join returns what is to be remembered of a host that was remembered as h, and
// is now to be pinned as newer. remedy ends the sentence of a refusal.
func (h Host) join(newer Host, remedy string) (Host, error) {
	if h.Fingerprint != newer.Fingerprint {
		return h, fault.New(fault.WrongServer, "%s has the fingerprint %s, and is pinned to %s: it is another server, or somebody is in between; %s", h.Name, newer.Fingerprint, h.Fingerprint, remedy)
	}
	if h.SigningKey.IsZero() {
		h.SigningKey = newer.SigningKey
	} else if !newer.SigningKey.IsZero() && newer.SigningKey.ID() != h.SigningKey.ID() {
		return h, fault.New(fault.WrongServer, "%s has the fingerprint %s and the signing key %s, and is pinned to the same fingerprint and the signing key %s; %s", h.Name, h.Fingerprint, newer.SigningKey, h.SigningKey, remedy)
	}
	h.MinEncryption = max(h.MinEncryption, newer.MinEncryption)
	return h, nil
}

// same reports whether two hosts are remembered alike.
func (h Host) same(other Host) bool {
	return h.Name == other.Name && h.Fingerprint == other.Fingerprint && h.MinEncryption == other.MinEncryption &&
		h.SigningKey.ID() == other.SigningKey.ID()
}

// sighting is a head of a chain, and where it was seen.
type sighting struct {
	chain event.ChainID
	name  chainname.Name
	host  string
	head  merkle.Head
}

// checked returns the sighting with its host spelled in the one way that is kept.
func (s sighting) checked() (sighting, error) {
	var err error
	if s.name, err = chainname.Parse(s.name.String()); err != nil {
		return sighting{}, err
	}
	s.host, err = checkAddress(s.host)
	return s, err
}

// join returns what is to be remembered of a chain that was seen as s, and now
// as newer.
func (s sighting) join(newer sighting) (sighting, error) {
	if newer.head.Size == s.head.Size && newer.head != s.head {
		return s, fault.New(fault.Forked, "the chain %s at %s has the head %s, and was seen at %s with the head %s: its history was forked", newer.name, newer.host, newer.head, s.host, s.head)
	}
	if newer.head.Size < s.head.Size {
		newer.head = s.head
	}
	return newer, nil
}

// replaced is the fault for another chain under a known name.
func replaced(s sighting, before event.ChainID, remedy string) error {
	return fault.New(fault.Forked, "the chain %s at %s is another one than before: its id was %s and is now %s; %s", s.name, s.host, before, s.chain, remedy)
}
