package dns

import (
	"slices"
	"strings"
	"testing"

	"github.com/atedb/atedb/plugins/auth/internal/scope"
	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/keys"
)

// keyID is the id in the package's comment; other is another.
const keyID = "atekey13uyhxq3h8sg6rm9h4xtrl2fmssrdxc3gea5pwup2j2u2zk725fus0la2zn"

var other = keys.FormatID(event.Hash{1})

func id(tb testing.TB, text string) event.Hash {
	tb.Helper()
	id, err := keys.ParseID(text)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

var (
	joe       = scope.Subject{Name: "joe", Domain: "example.com"}
	ann       = scope.Subject{Name: "ann", Domain: "example.com"}
	engineers = scope.Subject{Group: true, Name: "engineers", Domain: "example.com"}
)

// The examples of the package's comment say what it says.
func TestRecords(t *testing.T) {
	for text, want := range map[string]record{
		"v=ate1; user=joe; key=" + keyID:            {false, "joe", id(t, keyID)},
		"v=ate1; user=*; key=" + keyID:              {false, "*", id(t, keyID)},
		"v=ate1;group=engineers;key=" + other:       {true, "engineers", id(t, other)},
		" v=ate1 ;  key=" + keyID + " ; user=j.o+e": {false, "j.o+e", id(t, keyID)},
		"v=ate1; user=joe; key=" + keyID + ";":      {false, "joe", id(t, keyID)},
	} {
		number, ours := versionOf(text)
		if got, err := parseRecord(text); err != nil || got != want || !ours || number != version {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
}

// What is not quite a record is none, and the reason is a part of one line.
func TestBadRecords(t *testing.T) {
	for text, says := range map[string]string{
		"v=ate1":               "neither a user nor a group",
		"v=ate1; user=joe":     "key is not good",
		"v=ate1; key=" + keyID: "neither a user nor a group",
		"v=ate1; user=joe; group=a; key=" + keyID:                         "neither a user nor a group, or both",
		"v=ate1; user=joe; user=ann; key=" + keyID:                        "twice",
		"v=ate1; user=joe; key=" + keyID + "; key=" + other:               "twice",
		"v=ate1; v=ate1; user=joe; key=" + keyID:                          "twice",
		"v=ate1; user=joe; key=" + keyID + "; role=owner":                 "does not know",
		"v=ate1; User=joe; key=" + keyID:                                  "does not know",
		"v=ate1; user=Joe; key=" + keyID:                                  "not a name",
		"v=ate1; user=joe@example.com; key=" + keyID:                      "not a name",
		"v=ate1; user=../joe; key=" + keyID:                               "not a name",
		"v=ate1; user=a/b; key=" + keyID:                                  "not a name",
		"v=ate1; group=*; key=" + keyID:                                   "not a name",
		"v=ate1; group=example.com; key=" + keyID:                         "not a name",
		"v=ate1; user=; key=" + keyID:                                     "field 2",
		"v=ate1; ; user=joe; key=" + keyID:                                "field 2",
		"v=ate1; user; key=" + keyID:                                      "field 2",
		"v=ate1; user=joe; key=" + keyID[:60]:                             "key is not good",
		"v=ate1; user=joe; key=" + keyID[:64] + "q":                       "key is not good",
		"v=ate1; user=joe\n; key=" + keyID:                                "not a printable",
		"v=ate1; user=joé; key=" + keyID:                                  "not a printable",
		"v=ate1; user=joe; key=" + keyID + strings.Repeat(" ", maxRecord): "bytes",
	} {
		_, err := parseRecord(text)
		if err == nil || !strings.Contains(err.Error(), says) || strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%.80q: %v; want it to say %q", text, err, says)
		}
	}
	for _, text := range []string{"", "v=spf1 -all", "v=atemporal; user=joe", "v=ate", "v=ate; user=joe", "ate1", "v=ate9999999999", "key=x; v=ate1"} {
		if _, ours := versionOf(text); ours {
			t.Errorf("%q is taken for a record of ours", text)
		}
	}
}

// Each subject has the keys of its own records, and only who has none those for
// everybody.
func TestKeys(t *testing.T) {
	found := read([]string{
		"v=spf1 -all", "v=ate1; user=*; key=" + other, "v=ate1; user=joe; key=" + keyID,
		"v=ate1; user=joe; key=" + keyID + " ", "v=ate1; group=joe; key=" + other, "v=ate1; group=engineers; key=" + keyID, "v=ate1; nonsense",
	})
	if found.bad != 1 || found.future != "" {
		t.Errorf("%+v", found)
	}
	for s, want := range map[scope.Subject][]event.Hash{
		joe: {id(t, keyID)}, ann: {id(t, other)}, engineers: {id(t, keyID)},
		{Group: true, Name: "ann", Domain: "example.com"}: nil,
	} {
		if got := found.keys(s); !slices.Equal(got, want) {
			t.Errorf("%v has %v, want %v", s, got, want)
		}
	}
}

// Attack: a record that takes something away, in a version of the future, beside
// one that gives it. And a domain that lists more keys than an answer may have.
func TestDenials(t *testing.T) {
	good := "v=ate1; user=joe; key=" + keyID
	many := []string{}
	for i := range auth.MaxRootKeys + 1 {
		many = append(many, "v=ate1; user=joe; key="+keys.FormatID(event.Hash{byte(i)}))
	}
	for says, texts := range map[string][]string{
		"version ate2":                  {good, "v=ate2; not user=joe"},
		"has 65 keys":                   many,
		"no TXT record with a key of":   {"v=spf1 -all"},
		`"v=ate1; user=joe; key=atek`:   nil,
		"and 2 that are not good, such": {good + "; a=b", good + "; b=c"},
	} {
		found := read(texts)
		if a := found.answer(joe); !strings.Contains(a.Denied, says) || len(a.RootKeyIDs) > 0 {
			t.Errorf("%.60q: %+v; want it to say %q", texts, a, says)
		}
	}
	found := read(many[1:])
	if a := found.answer(joe); a.Denied != "" || len(a.RootKeyIDs) != auth.MaxRootKeys {
		t.Errorf("as many keys as are allowed: %+v", a)
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add("v=ate1; user=joe; key=" + keyID)
	f.Add(" v=ate1 ;key=" + keyID + "; group=engineers ;;")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRecord(text)
		if err == nil && (r.name == "" || r.key == (event.Hash{}) && !strings.Contains(text, keys.FormatID(r.key)) && !strings.Contains(text, strings.ToUpper(keys.FormatID(r.key)))) {
			t.Errorf("%q is %+v", text, r)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\r") {
			t.Errorf("%q: %q", text, err)
		}
		found := read([]string{text})
		if a := found.answer(joe); (a.Denied == "") != (len(a.RootKeyIDs) > 0) {
			t.Errorf("%q: %+v", text, a)
		}
	})
}
