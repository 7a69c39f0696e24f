package known

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/merkle"
)

// Last implements [Heads]. A file that fails its check is a damaged fault that
// names it.
func (d Folder) Last(chain event.ChainID) (merkle.Head, bool, error) {
	s, ok, err := d.readHead(chain)
	return s.head, ok, err
}

// Remember implements [Heads]. It is durable when it returns; it writes nothing
// if it has nothing to add, and otherwise waits for the disk.
func (d Folder) Remember(chain event.ChainID, name chainname.Name, host string, head merkle.Head) error {
	s, err := sighting{chain, name, host, head}.checked()
	if err != nil {
		return err
	}
	unlock, err := d.lock()
	if err != nil {
		return err
	}
	defer unlock()
	id, named, err := d.readName(s.host, s.name)
	if err != nil {
		return err
	}
	if named && id != chain {
		return replaced(s, id, "if that is right, remove "+d.namePath(s.host, s.name))
	}
	before, ok, err := d.readHead(chain)
	if err != nil {
		return err
	}
	if ok {
		if s, err = before.join(s); err != nil {
			return err
		}
	}
	if !ok || s != before {
		if err := d.write(d.headPath(chain), s.encode()); err != nil {
			return err
		}
	}
	if named {
		return nil
	}
	return d.write(d.namePath(s.host, s.name), encodeRecord("name", "host "+s.host, "name "+s.name.String(), "chain "+chain.String()))
}

// ChainOf implements [Heads]. A file that fails its check is a damaged fault
// that names it.
func (d Folder) ChainOf(host string, name chainname.Name) (event.ChainID, bool, error) {
	s, err := sighting{name: name, host: host}.checked()
	if err != nil {
		return event.ChainID{}, false, err
	}
	return d.readName(s.host, s.name)
}

func (d Folder) headPath(chain event.ChainID) string { return d.path(headsDir, chain.String()) }

func (d Folder) namePath(host string, name chainname.Name) string {
	sum := sha256.Sum256([]byte(host + "\n" + name.String()))
	return d.path(namesDir, hex.EncodeToString(sum[:]))
}

func (d Folder) readHead(chain event.ChainID) (sighting, bool, error) {
	path := d.headPath(chain)
	raw, ok, err := d.read(path, maxRecord)
	if err != nil || !ok {
		return sighting{}, false, err
	}
	s, err := decodeHead(raw)
	if err == nil && s.chain != chain {
		err = fault.New(fault.Damaged, "it is of chain %s", s.chain)
	}
	if err != nil {
		return sighting{}, false, badRecord(path, "the newest head of a chain", err)
	}
	return s, true, nil
}

func (d Folder) readName(host string, name chainname.Name) (event.ChainID, bool, error) {
	path := d.namePath(host, name)
	raw, ok, err := d.read(path, maxRecord)
	if err != nil || !ok {
		return event.ChainID{}, false, err
	}
	s, err := decodeName(raw)
	if err == nil && (s.host != host || s.name != name) {
		err = fault.New(fault.Damaged, "it is of %s at %s", s.name, s.host)
	}
	if err != nil {
		return event.ChainID{}, false, badRecord(path, "the id of a chain", err)
	}
	return s.chain, true, nil
}

func badRecord(path, what string, err error) error {
	return fault.New(fault.CodeOf(err), "%s, which remembers %s, cannot be read: %s; restore it, or remove it if you trust the server to be honest now", path, what, fault.From(err).Reason)
}

func (s sighting) encode() []byte {
	return encodeRecord("head", "chain "+s.chain.String(), "name "+s.name.String(), "host "+s.host, "head "+s.head.String())
}

func decodeHead(raw []byte) (sighting, error) {
	values, err := decodeRecord(raw, "head", "chain", "name", "host", "head")
	if err != nil {
		return sighting{}, err
	}
	s, err := parseSighting(values[0], values[1], values[2])
	if err == nil {
		s.head, err = merkle.ParseHead(values[3])
	}
	if err != nil {
		return sighting{}, fault.New(fault.Damaged, "%s", fault.From(err).Reason)
	}
	return s, nil
}

func decodeName(raw []byte) (sighting, error) {
	values, err := decodeRecord(raw, "name", "host", "name", "chain")
	if err != nil {
		return sighting{}, err
	}
	s, err := parseSighting(values[2], values[1], values[0])
	if err != nil {
		return sighting{}, fault.New(fault.Damaged, "%s", fault.From(err).Reason)
	}
	return s, nil
}

func parseSighting(chain, name, host string) (sighting, error) {
	id, err := hex.DecodeString(chain)
	if err != nil || len(id) != len(event.ChainID{}) || hex.EncodeToString(id) != chain {
		return sighting{}, fault.New(fault.Damaged, "%.100q is not a chain's id", chain)
	}
	s := sighting{chain: event.ChainID(id), name: chainname.Name(name), host: host}
	return s.checked()
}
