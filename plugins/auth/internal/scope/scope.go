// Package scope is which domains a resolver may ask, and about whom.
//
// Whoever wants a chain chooses the domain in its name, so a resolver that asks
// domains asks only those that its operator listed:
//
//	example.com      that domain
//	*.example.com    every domain under it, not itself
//	*                every domain, but none that names this machine
//
// IP addresses are no domains, whatever the list says. Groups have no domain in
// their names; the operator says whose each of them is.
package scope

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// Limits of a configuration.
const (
	MaxDomains = 10_000
	MaxGroups  = 10_000
)

const anyDomain = "*"

// Scope is the domains that may be asked. It is not changed once it is made.
type Scope struct {
	domains map[string]bool   // patterns
	groups  map[string]string // the domain of each group
}

// Subject is whom a domain is asked about.
type Subject struct {
	Group  bool
	Name   string // a user's without the domain, or a group's
	Domain string
}

// String returns the owner as people write it.
func (s Subject) String() string {
	if s.Group {
		return "the group " + s.Name
	}
	return s.Name + "@" + s.Domain
}

// New returns the scope of patterns and the domains of groups. Its errors are
// bad_config faults that name the key domains or groups.
func New(patterns []string, groups map[string]string) (Scope, error) {
	if len(patterns) < 1 || len(patterns) > MaxDomains {
		return Scope{}, fault.New(fault.BadConfig, "domains lists %d domains; write 1 to %d that may be asked, such as \"example.com\" or \"*.example.com\"", len(patterns), MaxDomains)
	}
	s := Scope{domains: make(map[string]bool, len(patterns)), groups: groups}
	for _, pattern := range patterns {
		if pattern != anyDomain && !isDomain(strings.TrimPrefix(pattern, "*.")) {
			return Scope{}, fault.New(fault.BadConfig, "domains has %.100q; write a domain in lower case, such as \"example.com\", or \"*.example.com\" for those under it, or \"*\" for all", pattern)
		}
		s.domains[pattern] = true
	}
	if len(groups) > MaxGroups {
		return Scope{}, fault.New(fault.BadConfig, "groups lists %d groups; at most %d are allowed", len(groups), MaxGroups)
	}
	for group, domain := range groups {
		if name, err := chainname.Parse(group + "/db"); err != nil || !name.IsGroup() {
			return Scope{}, fault.New(fault.BadConfig, "groups has %.100q, which is not a group's name; write it as in a chain's name", group)
		}
		if !isDomain(domain) || !s.allows(domain) {
			return Scope{}, fault.New(fault.BadConfig, "groups says that %s is of %.100q, which is not among domains", group, domain)
		}
	}
	return s, nil
}

// Subject returns whom to ask about for a chain, or else why nobody is asked: a
// sentence for the chain's creator.
func (s Scope) Subject(chain chainname.Name) (subject Subject, denied string) {
	if chain.IsGroup() {
		domain, ok := s.groups[chain.Owner()]
		if !ok {
			return Subject{}, fmt.Sprintf("the operator of this server has not said whose the group %s is", chain.Owner())
		}
		return Subject{Group: true, Name: chain.Owner(), Domain: domain}, ""
	}
	name, domain, _ := strings.Cut(chain.Owner(), "@")
	switch {
	case !isDomain(domain):
		return Subject{}, fmt.Sprintf("%s is not a domain that can be asked who its users are", domain)
	case !s.allows(domain):
		return Subject{}, fmt.Sprintf("the domain %s is not among those whose users may have chains on this server", domain)
	}
	return Subject{Name: name, Domain: domain}, ""
}

// allows reports whether a pattern is for the domain.
func (s Scope) allows(domain string) bool {
	if s.domains[domain] || s.domains[anyDomain] && !isThisMachine(domain) {
		return true
	}
	for rest := domain; ; {
		_, after, more := strings.Cut(rest, ".")
		if !more {
			return false
		}
		if s.domains["*."+after] {
			return true
		}
		rest = after
	}
}

// isDomain reports whether text is a domain as in a chain's name, and no IP
// address or what is taken for one: no top-level domain is a number.
func isDomain(text string) bool {
	if _, err := chainname.Parse(text + "/user/db"); err != nil {
		return false
	}
	_, err := netip.ParseAddr(text)
	top := text[strings.LastIndexByte(text, '.')+1:]
	return err != nil && strings.Trim(top, "0123456789") != "" && !strings.HasPrefix(top, "0x")
}

func isThisMachine(domain string) bool {
	return domain == "localhost" || strings.HasSuffix(domain, ".localhost")
}
