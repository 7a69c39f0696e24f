package dns

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/atedb/atedb/plugins/auth/internal/scope"
	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/event"
)

// findings is what the records at a name say.
type findings struct {
	records []record
	future  string // the number of another version than ours, if there is one
	bad     int    // records of our version that are not good
	problem string // what is wrong with the first of them
}

// read reads the records at a name, in whatever order they came.
func read(texts []string) findings {
	var found findings
	for _, text := range slices.Sorted(slices.Values(texts)) {
		number, ours := versionOf(text)
		switch {
		case !ours:
			continue
		case number != version:
			found.future = number
			continue
		}
		r, err := parseRecord(text)
		if err == nil {
			found.records = append(found.records, r)
		} else if found.bad++; found.bad == 1 {
			found.problem = err.Error()
		}
	}
	return found
}

// keys returns the ids of the subject's keys, each once and in order. If records
// name it, those for everybody do not count.
func (f *findings) keys(s scope.Subject) []event.Hash {
	var ids []event.Hash
	for _, r := range f.records {
		if r.isOf(s) {
			ids = append(ids, r.key)
		}
	}
	if len(ids) == 0 && !s.Group {
		for _, r := range f.records {
			if r.isOfEverybody() {
				ids = append(ids, r.key)
			}
		}
	}
	slices.SortFunc(ids, func(a, b event.Hash) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// answer returns the subject's keys, of which there is one at least, or a
// denial. It may be kept for no time yet.
func (f *findings) answer(s scope.Subject) auth.Answer {
	where := nameOf(s)
	if f.future != "" {
		return denied("%s has a TXT record of version ate%s, which this server does not know; it knows ate%s", where, f.future, version)
	}
	ids := f.keys(s)
	switch {
	case len(ids) > auth.MaxRootKeys:
		return denied("%s has %d keys of %s; at most %d are allowed", where, len(ids), s, auth.MaxRootKeys)
	case len(ids) > 0:
		return auth.Answer{RootKeyIDs: ids}
	case f.bad > 0:
		return denied("%s has no good TXT record with a key of %s, and %d that are not good, such as one of which %s", where, s, f.bad, f.problem)
	}
	return denied("%s has no TXT record with a key of %s; its operator has to add one, such as \"v=ate1; %s; key=atekey1...\"", where, s, example(s))
}

// nameOf returns where the subject's records are.
func nameOf(s scope.Subject) string { return "_atedb." + s.Domain }

func example(s scope.Subject) string {
	if s.Group {
		return "group=" + s.Name
	}
	return "user=" + s.Name
}

func denied(format string, args ...any) auth.Answer {
	return auth.Answer{Denied: fmt.Sprintf(format, args...)}
}
