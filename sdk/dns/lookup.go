package dns

import (
	"context"
	"time"

	wire "github.com/miekg/dns"

	"github.com/atedb/atedb/sdk/fault"
)

// question is what an answer is kept under. A resolver believes all its answers
// for the same reasons, so these are not part of it.
type question struct {
	name  string // canonical
	qtype uint16
}

// records returns the records of a name and type, at least one. They are shared
// with other callers and not to be changed.
func (r *Resolver) records(ctx context.Context, name string, qtype uint16) ([]wire.RR, error) {
	q, now := question{name, qtype}, time.Now()
	if kept, ok := r.cache.Get(q, now); ok {
		return kept, nil
	}
	var records []wire.RR
	var until time.Time
	var err error
	if r.validator != nil {
		answer, e := r.validator.Lookup(ctx, name, qtype)
		records, until, err = answer.Records, answer.Until, e
	} else {
		var seconds uint32
		records, seconds, err = r.follow(ctx, q)
		until = now.Add(min(time.Duration(seconds)*time.Second, maxAge))
	}
	if err != nil {
		return nil, err
	}
	r.cache.Put(q, records, now, until)
	return records, nil
}

// follow believes the server. It follows aliases within an answer and, where
// that ends, by asking again; every question but the first comes of an alias, so
// their number is bounded too. It returns the least TTL on the way, in seconds.
func (r *Resolver) follow(ctx context.Context, q question) (records []wire.RR, ttl uint32, err error) {
	p := path{question: q, ttl: 1<<31 - 1}
	for {
		answer, err := r.exchange(ctx, p.name, p.qtype)
		if err != nil {
			return nil, 0, err
		}
		before := p.aliases
		records, err := p.walk(answer)
		if err != nil || len(records) > 0 {
			return records, p.ttl, err
		}
		if p.aliases == before || answer.Rcode != wire.RcodeSuccess || denies(answer) {
			return nil, 0, fault.New(fault.NotFound, "%s has no %s record in DNS", q.name, wire.TypeToString[q.qtype])
		}
	}
}

// path is how far the aliases of a name were followed.
type path struct {
	question     // the name is the last one
	aliases  int // followed so far
	ttl      uint32
}

// walk follows the path through an answer and returns the records at its end,
// if they are there.
func (p *path) walk(answer *wire.Msg) ([]wire.RR, error) {
	for {
		records, alias := pick(answer, p.question)
		if len(records) > maxRecords {
			return nil, fault.New(fault.Unavailable, "%s has %d records in DNS; at most %d are read", p.name, len(records), maxRecords)
		}
		for _, rr := range records {
			p.ttl = min(p.ttl, rr.Header().Ttl)
		}
		if len(records) > 0 || alias == nil {
			return records, nil
		}
		target, err := canonical(alias.Target)
		if err != nil || isLocalhost(target) {
			return nil, fault.New(fault.Unavailable, "%s is an alias of %s in DNS, which is no name in DNS", p.name, alias.Target)
		}
		if p.aliases++; p.aliases > maxAliases {
			return nil, fault.New(fault.Unavailable, "more than %d aliases follow each other in DNS, to %s; its operator must mend them", maxAliases, target)
		}
		p.name, p.ttl = target, min(p.ttl, alias.Hdr.Ttl)
	}
}

// pick takes the records that q asks for out of an answer, and the alias that
// stands in their place.
func pick(answer *wire.Msg, q question) (records []wire.RR, alias *wire.CNAME) {
	for _, rr := range answer.Answer {
		h := rr.Header()
		if h.Class != wire.ClassINET || wire.CanonicalName(h.Name) != q.name {
			continue
		}
		if h.Rrtype == q.qtype {
			records = append(records, rr)
		} else if c, ok := rr.(*wire.CNAME); ok {
			alias = c
		}
	}
	return records, alias
}

// denies reports whether an answer says that there is no such record, rather
// than how far the server got (RFC 2308 section 2.2).
func denies(answer *wire.Msg) bool {
	for _, rr := range answer.Ns {
		if rr.Header().Rrtype == wire.TypeSOA {
			return true
		}
	}
	return false
}
