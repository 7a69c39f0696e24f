package control

import (
	"strings"

	"github.com/atedb/atedb/sdk/chainname"
)

// PageOf makes a page of names of chains, in order, of which limit were asked
// for: those that begin with a prefix, each as describe says.
func PageOf(names []chainname.Name, limit int, prefix string, describe func(chainname.Name) Listed) Page {
	page := Page{Chains: []Listed{}}
	for _, name := range names {
		if strings.HasPrefix(name.String(), prefix) {
			page.Chains = append(page.Chains, describe(name))
		}
	}
	if n := len(names); n > 0 && n >= limit {
		if last := names[n-1]; last.String() < prefix || strings.HasPrefix(last.String(), prefix) {
			page.More = last
		}
	}
	return page
}
