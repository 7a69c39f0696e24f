package known

import (
	"sync"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/merkle"
)

// Memory remembers for as long as it lives. The zero value remembers nothing
// yet. Its methods may be called concurrently.
type Memory struct {
	mu         sync.Mutex // guards the maps
	hosts      map[string]Host
	chains     map[event.ChainID]sighting
	names      map[place]event.ChainID
	statements map[string]Statement // by host, a line feed and name
}

type place struct {
	host string
	name chainname.Name
}

const (
	hostRemedy = "if that is right, forget what was pinned"
	nameRemedy = "if that is right, forget what was seen"
)

// Lookup implements [Hosts].
func (m *Memory) Lookup(host string) (Host, bool, error) {
	name, err := checkAddress(host)
	if err != nil {
		return Host{}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.hosts[name]
	return h, ok, nil
}

// Pin implements [Hosts].
func (m *Memory) Pin(host Host) error {
	host, err := host.checked()
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, ok := m.hosts[host.Name]; ok {
		if host, err = before.join(host, hostRemedy); err != nil {
			return err
		}
	}
	if m.hosts == nil {
		m.hosts = make(map[string]Host)
	}
	m.hosts[host.Name] = host
	return nil
}

// Last implements [Heads].
func (m *Memory) Last(chain event.ChainID) (merkle.Head, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.chains[chain]
	return s.head, ok, nil
}

// Remember implements [Heads].
func (m *Memory) Remember(chain event.ChainID, name chainname.Name, host string, head merkle.Head) error {
	s, err := sighting{chain, name, host, head}.checked()
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	at := place{s.host, s.name}
	if id, ok := m.names[at]; ok && id != chain {
		return replaced(s, id, nameRemedy)
	}
	if before, ok := m.chains[chain]; ok {
		if s, err = before.join(s); err != nil {
			return err
		}
	}
	if m.chains == nil {
		m.chains, m.names = make(map[event.ChainID]sighting), make(map[place]event.ChainID)
	}
	m.chains[chain], m.names[at] = s, chain
	return nil
}

// ChainOf implements [Heads].
func (m *Memory) ChainOf(host string, name chainname.Name) (event.ChainID, bool, error) {
	s, err := sighting{name: name, host: host}.checked()
	if err != nil {
		return event.ChainID{}, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	id, ok := m.names[place{s.host, s.name}]
	return id, ok, nil
}
