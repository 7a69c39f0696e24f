package authority

import (
	"strconv"
	"strings"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// quote returns a key for a sentence.
func quote(key []byte) string {
	const most = 64
	if len(key) > most {
		return strconv.Quote(string(key[:most])) + "..."
	}
	return strconv.Quote(string(key))
}

// who returns whom an authority allows, for a sentence.
func who(w *event.WriteAuthority) string {
	const most = 3
	switch w.Kind {
	case event.WriteEveryone:
		return "everyone"
	case event.WriteAnyOf:
	default:
		return "nobody"
	}
	var b strings.Builder
	b.WriteString("the owner of key ")
	for i := range w.Keys[:min(most, len(w.Keys))] {
		if i > 0 {
			b.WriteString(" or ")
		}
		b.WriteString(keys.FormatID(w.Keys[i]))
	}
	if more := len(w.Keys) - most; more > 0 {
		b.WriteString(" or of " + strconv.Itoa(more) + " more")
	}
	return b.String()
}

// outsider is the refusal of a writer. What says what the event does, as in
// "changing object %s".
func outsider(key []byte, what string, w *event.WriteAuthority) error {
	if w.Kind == event.WriteNobody {
		return fault.New(fault.NotAuthorized, "%s %s is for nobody; whoever has the authority above it must change that first", what, quote(key))
	}
	return fault.New(fault.NotAuthorized, "%s %s is for %s alone, and the commit was signed by nobody who is; write with that key", what, quote(key), who(w))
}

func noParent(key, parent []byte) error {
	return fault.New(fault.NoParent, "object %s cannot stand under %s, which has no value; write that one first", quote(key), quote(parent))
}

func tooDeep() error {
	return fault.New(fault.TooLarge, "objects may stand at most %d deep; move one of those above it up", MaxDepth)
}

// missing is what a log can lead to that lost events: judged events do not.
func missing() error {
	return fault.New(fault.Damaged, "an object stands under one that has no value, so it cannot be told who may write it; the operator must restore the events that are missing")
}
