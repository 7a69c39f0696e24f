package verify

import (
	"testing"

	"github.com/atedb/atedb/sdk/authority"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// says adds the server's two events about what lives now, with some events
// between them.
func (w *world) says(between ...ev) *world {
	w.tb.Helper()
	begin := event.Seq(len(w.leaves))
	w.put(nil, ev{authority.LiveBegin(), ""})
	l, err := w.verify(w.present())
	if err != nil {
		w.tb.Fatal(err)
	}
	live := l.begun
	if live.Begin != begin {
		w.tb.Fatalf("it begins at %d, want %d", live.Begin, begin)
	}
	if len(between) > 0 {
		w.put(root, between...)
	}
	return w.put(nil, ev{live.Header(), ""})
}

// grown is a chain in which objects were superseded, one ended, and the server
// said twice what lives.
func grown(t *testing.T) *world {
	w := basic(t) // a at 2, 3, 5, 7
	w.put(joe, val("a", "8")).put(root, val("b", "9"), val("c", "10"))
	w.says(val("d", "12")) // 11, 13
	w.put(root, val("b", "14")).put(root, ev{event.Header{Key: []byte("c"), Tombstone: true}, ""})
	return w.says(val("d", "17")).put(root, val("e", "19")).put(root, val("e", "20"))
}

// TestLive leaves out what may be left out, and finds what may not.
func TestLive(t *testing.T) {
	for name, test := range map[string]struct {
		drop []event.Seq
		fits bool
	}{
		"nothing":                             {nil, true},
		"superseded versions":                 {[]event.Seq{2, 3, 5, 7, 9}, true},
		"what was said before":                {[]event.Seq{11, 13}, true},
		"all of an object that ended":         {[]event.Seq{10, 15}, true},
		"the newest value of an object":       {[]event.Seq{14}, false},
		"all of an object":                    {[]event.Seq{9, 14}, false},
		"a value that was superseded since":   {[]event.Seq{8}, false},
		"a tombstone, so that a value is put": {[]event.Seq{15}, false},
		"when it was said as of":              {[]event.Seq{16}, false},
		"what came between the two":           {[]event.Seq{17}, false},
		"the newest that was said":            {[]event.Seq{18}, false},
		"both that was said newest":           {[]event.Seq{16, 18}, false},
		"and what came since":                 {[]event.Seq{14, 15, 16, 17, 18}, false},
		"what came after it was said":         {[]event.Seq{19}, false},
	} {
		w := grown(t).drop(test.drop...)
		l, err := w.verify(w.present())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := l.CheckLive(); (err == nil) != test.fits || err != nil && !fault.Is(err, fault.Forked) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLiveBeforeItIsSaid has nothing to compare before the first time.
func TestLiveBeforeItIsSaid(t *testing.T) {
	w := basic(t)
	l, err := w.verify(w.present())
	if err != nil || l.CheckLive() != nil {
		t.Errorf("%v, %v", err, l.CheckLive())
	}
}

// TestOwnEventsThatLie refuses the server's events where they could stand for
// something else.
func TestOwnEventsThatLie(t *testing.T) {
	live := authority.Live{Begin: 8, Objects: 1}
	for name, attack := range map[string]func(w *world){
		"what lives, in a client's commit":     func(w *world) { w.put(joe, ev{live.Header(), ""}) },
		"a value among the server's events":    func(w *world) { w.put(nil, ev{authority.LiveBegin(), ""}, val("a", "x")) },
		"an owner in what the server says":     func(w *world) { e := ev{live.Header(), ""}; e.Write = owned("", joe).Write; w.put(nil, e) },
		"a value of another object, by itself": func(w *world) { w.put(nil, val("a", "x")) },
	} {
		w := basic(t)
		attack(w)
		if _, err := w.verify(w.present()); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	w := basic(t).put(nil, ev{live.Header(), ""})
	if l, err := w.verify(w.present()); err != nil || l.CheckLive() == nil {
		t.Errorf("what lives was taken although it was not said as of when: %v", err)
	}
}
