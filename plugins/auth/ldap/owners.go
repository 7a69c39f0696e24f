package ldap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/fault"
)

// owners finds users and groups, and what keys they have.
type owners struct {
	config    config
	directory *directory
}

func denied(format string, args ...any) auth.Answer {
	return auth.Answer{Denied: fmt.Sprintf(format, args...)}
}

// user answers for a user's chain.
func (o *owners) user(ctx context.Context, chain chainname.Name) (auth.Answer, error) {
	owner := chain.Owner()
	if o.config.users.base == nil || !slices.Contains(o.config.domains, chain.Domain()) {
		return denied("%s may not have chains on this server: its directory does not answer for users of %s", owner, chain.Domain()), nil
	}
	name := strings.TrimSuffix(owner, "@"+chain.Domain())
	filter := o.config.users.filter.with("owner", owner, "name", name, "domain", chain.Domain())
	e, denial, err := o.only(ctx, owner, "user_base", o.config.users, filter, o.config.keyAttribute)
	if err != nil || denial.Denied != "" {
		return denial, err
	}
	var keys keySet
	keys.addValues(e.values)
	return o.answer(owner, "in the directory", &keys, e.partial), nil
}

// group answers for a group's chain.
func (o *owners) group(ctx context.Context, chain chainname.Name) (auth.Answer, error) {
	name := chain.Owner()
	if o.config.groups.base == nil {
		return denied("%s may not have chains on this server: its directory is not asked about groups", name), nil
	}
	e, denial, err := o.only(ctx, name, "group_base", o.config.groups, o.config.groups.filter.with("group", name), o.config.memberAttribute)
	switch {
	case err != nil || denial.Denied != "":
		return denial, err
	case e.partial || len(e.values) > o.config.maxMembers:
		return denied("%s may not have chains on this server: the group has more than %d members", name, o.config.maxMembers), nil
	}
	queries := make([]query, len(e.values))
	for i, member := range e.values {
		dn, err := parseDN(member)
		if err != nil || len(dn.RDNs) == 0 {
			return denied("%s may not have chains on this server: in the directory, a member of the group is no distinguished name", name), nil
		}
		queries[i] = query{where: "a member of " + name, base: dn, text: member, filter: o.config.memberFilter, attribute: o.config.keyAttribute}
	}
	keys, partial, err := o.memberKeys(ctx, queries)
	if err != nil {
		return auth.Answer{}, err
	}
	return o.answer(name, "of a member in the directory", keys, partial), nil
}

// only returns the one entry at a place that a filter finds, or a denial if
// there is none or more than one.
func (o *owners) only(ctx context.Context, owner, key string, p place, filter, attribute string) (entry, auth.Answer, error) {
	found, err := o.directory.search(ctx, query{where: key, base: p.base, text: p.text, under: true, filter: filter, attribute: attribute})
	switch {
	case errors.Is(err, errNoBase):
		return entry{}, auth.Answer{}, o.directory.unavailable(fault.New(fault.Unavailable, "it has no entry for %s, or does not show it; the operator has to correct the configuration", key))
	case err != nil:
		return entry{}, auth.Answer{}, err
	case len(found) == 0:
		return entry{}, denied("%s may not have chains on this server: the directory has no such entry; ask its administrator", owner), nil
	case len(found) > 1:
		return entry{}, denied("%s may not have chains on this server: more than one entry of the directory matches; ask its administrator", owner), nil
	}
	return found[0], auth.Answer{}, nil
}

// memberKeys looks members up, several at once, and returns the keys of all. One
// who is not in the directory any more, or whom the filter leaves out, has none.
func (o *owners) memberKeys(ctx context.Context, members []query) (*keySet, bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		keys    keySet
		partial bool
		failed  error
		mu      sync.Mutex // guards what is above
		wg      sync.WaitGroup
	)
	next := make(chan query, len(members))
	for _, member := range members {
		next <- member
	}
	close(next)
	for range min(maxAtOnce, len(members)) {
		wg.Go(func() {
			for q := range next {
				found, err := o.directory.search(ctx, q)
				mu.Lock()
				if err != nil && !errors.Is(err, errNoBase) && failed == nil {
					failed = err
					cancel()
				}
				for _, e := range found {
					keys.addValues(e.values)
					partial = partial || e.partial
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return &keys, partial, failed
}

// answer grants a chain to keys, if there are as many as may be.
func (o *owners) answer(owner, whose string, keys *keySet, partial bool) auth.Answer {
	switch {
	case partial || keys.size() > auth.MaxRootKeys:
		return denied("%s may not have chains on this server: there are more than %d keys %s", owner, auth.MaxRootKeys, whose)
	case keys.size() == 0 && keys.broken > 0:
		return denied("%s may not have chains on this server: a key %s is damaged or of a newer release, and there is no other; write the line that ate key export prints into %s",
			owner, whose, o.config.keyAttribute)
	case keys.size() == 0:
		return denied("%s may not have chains on this server: there is no key %s; write the line that ate key export prints, or the key's id, into %s",
			owner, whose, o.config.keyAttribute)
	}
	return keys.grant()
}
