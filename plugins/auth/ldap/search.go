package ldap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/atedb/atedb/sdk/fault"
)

// directory is what answers searches. Several goroutines may search at once.
type directory struct {
	pool    *pool
	slots   chan struct{} // one is held for each request, maxInFlight in all
	timeout time.Duration // for a request
}

func newDirectory(p *pool, timeout time.Duration) *directory {
	return &directory{pool: p, slots: make(chan struct{}, maxInFlight), timeout: timeout}
}

// entry is what a search finds: a name, and the values of the one attribute that
// was asked for. partial says that the directory holds some of them back, as
// Active Directory does with long lists.
type entry struct {
	dn      *goldap.DN
	values  []string
	partial bool
}

// query is what to search: entries at base, and under it if so.
type query struct {
	where     string // for people: what is searched
	base      *goldap.DN
	text      string // base as the directory or the configuration writes it
	under     bool
	filter    string
	attribute string
}

// errNoBase says that there is no entry at a query's base.
var errNoBase = errors.New("there is no entry of that name")

// search returns the entries that match, maxEntries at most; more than there
// may be in an answer is as good as two. Its errors are unavailable faults, or
// wrap errNoBase.
func (d *directory) search(ctx context.Context, q query) ([]entry, error) {
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, d.unavailable(ctx.Err())
	}
	type reply struct {
		found []entry
		err   error
	}
	replies := make(chan reply, 1)
	go func() {
		defer func() { <-d.slots }()
		found, err := d.ask(ctx, q)
		replies <- reply{found, err}
	}()
	select {
	case r := <-replies:
		if r.err != nil && !errors.Is(r.err, errNoBase) {
			r.err = d.unavailable(r.err)
		}
		return r.found, r.err
	case <-ctx.Done():
		return nil, d.unavailable(ctx.Err())
	}
}

// unavailable is the sentence for whoever asked. What only the operator should
// read is in the log.
func (d *directory) unavailable(err error) error {
	reason := oneLine(fault.From(err).Reason)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		reason = "it does not answer in time"
	case errors.Is(err, errRefused):
		reason = "it refuses this server's own login; the operator finds more in the log"
	case fault.Is(err, fault.BadConfig):
		reason = "a file that this server logs in with is not usable; the operator finds more in the log"
	}
	return fault.New(fault.Unavailable, "the directory %s cannot say who owns chains now, so try again later: %s", d.pool.dialer.server.url, reason)
}

// ask searches, and once more with a new connection if one that was up before
// turns out to have ended.
func (d *directory) ask(ctx context.Context, q query) ([]entry, error) {
	for again := false; ; again = true {
		c, old, err := d.pool.get(ctx)
		if err != nil {
			return nil, err
		}
		result, err := c.Search(d.request(q))
		limited := errors.Is(err, goldap.ErrSizeLimitExceeded) || isResult(err, goldap.LDAPResultSizeLimitExceeded)
		switch {
		case err == nil || limited:
			found, err := q.check(result, limited)
			if err != nil {
				c.close()
			}
			return found, err
		case isResult(err, goldap.LDAPResultNoSuchObject):
			return nil, fmt.Errorf("searching %s: %w", q.where, errNoBase)
		case isResult(err, goldap.LDAPResultReferral):
			return nil, fault.New(fault.Unavailable, "it refers to another server about %s, which is not followed", q.where)
		case isResult(err):
			return nil, fault.New(fault.Unavailable, "it fails to search %s (%s)", q.where, resultName(err))
		}
		// It does not answer, or says what it must not, or is gone.
		c.close()
		if again || !old || ctx.Err() != nil || c.bounds.breach() != nil {
			return nil, c.cause(err)
		}
	}
}

func (d *directory) request(q query) *goldap.SearchRequest {
	scope := goldap.ScopeBaseObject
	if q.under {
		scope = goldap.ScopeWholeSubtree
	}
	seconds := int((d.timeout + time.Second - 1) / time.Second)
	r := goldap.NewSearchRequest(q.text, scope, goldap.NeverDerefAliases, maxEntries, seconds, false, q.filter, []string{q.attribute}, nil)
	r.EnforceSizeLimit = true
	return r
}

// check takes the entries that were found, and refuses those that were not asked
// for. more says that there are others.
func (q *query) check(result *goldap.SearchResult, more bool) ([]entry, error) {
	var found []entry
	for _, e := range result.Entries {
		dn, err := parseDN(e.DN)
		if err != nil || !dn.EqualFold(q.base) && !(q.under && q.base.AncestorOfFold(dn)) {
			return nil, fault.New(fault.Unavailable, "it answers a question about %s with an entry that is not there", q.where)
		}
		one := entry{dn: dn}
		for _, a := range e.Attributes {
			name, options, _ := strings.Cut(strings.ToLower(a.Name), ";range=")
			if name == strings.ToLower(q.attribute) {
				one.values = append(one.values, a.Values...)
				one.partial = one.partial || options != ""
			}
		}
		found = append(found, one)
	}
	if more && len(found) < maxEntries {
		return nil, fault.New(fault.Unavailable, "it finds more in %s than it is willing to say", q.where)
	}
	return found, nil
}
