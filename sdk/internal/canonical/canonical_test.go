package canonical

import (
	"errors"
	"testing"

	"github.com/atedb/atedb/sdk/account/accountpb"
	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// A message has one form: what another encoder, or a later version, may have
// written otherwise is refused.
func TestDecodeTakesOneForm(t *testing.T) {
	good := []byte{1<<3 | 2, 1, 'g', 2<<3 | 2, 3, 1<<3 | 2, 1, 'u'} // a roster of one member
	if err := Decode(good, new(accountpb.Roster)); err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{
		"a field of a later version":    {1<<3 | 2, 1, 'g', 15 << 3, 1},
		"one inside of another field":   {1<<3 | 2, 1, 'g', 2<<3 | 2, 5, 1<<3 | 2, 1, 'u', 15 << 3, 1},
		"fields out of order":           {2<<3 | 2, 3, 1<<3 | 2, 1, 'u', 1<<3 | 2, 1, 'g'},
		"a field twice":                 {1<<3 | 2, 1, 'g', 1<<3 | 2, 1, 'g'},
		"a default that is written":     {1<<3 | 2, 0},
		"a number that is too long":     {1<<3 | 2, 0x81, 0x00, 'g'},
		"a default in another field":    {2<<3 | 2, 2, 2 << 3, 0},
		"a field's number written long": {0x8a, 0x00, 1, 'g'},
	} {
		if err := Decode(b, new(accountpb.Roster)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := Decode([]byte{1<<3 | 2, 1, 0xff}, new(accountpb.Roster)); err == nil {
		t.Error("text that is not UTF-8 was taken")
	}
	if err := Decode([]byte{1<<3 | 2, 9}, new(accountpb.Roster)); err == nil {
		t.Error("a message that is cut off was taken")
	}
}

func TestCheckFields(t *testing.T) {
	many := []byte{2<<3 | 2, 0, 2<<3 | 2, 0, 1 << 3, 1}
	for most, code := range map[int]fault.Code{3: "", 4: "", 2: fault.TooLarge, 0: fault.TooLarge} {
		if err := CheckFields(many, most); fault.CodeOf(err) != code {
			t.Errorf("at most %d: %v", most, err)
		}
	}
	if err := CheckFields(many[:5], 3); err == nil {
		t.Error("a message that is cut off was taken")
	}
}

func TestPrevious(t *testing.T) {
	hash := event.Hash{1}
	for _, c := range []struct {
		number uint64
		b      []byte
		good   bool
	}{{0, nil, true}, {0, hash[:], false}, {1, hash[:], true}, {1, nil, false}, {1, hash[1:], false}} {
		got, err := Previous(c.number, c.b)
		if (err == nil) != c.good || c.good && c.number > 0 && got != hash {
			t.Errorf("%d %x: %x, %v", c.number, c.b, got, err)
		}
	}
}
