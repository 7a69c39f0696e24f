package loginfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/token"
)

func newLogin(t testing.TB) *Login {
	t.Helper()
	issued, err := token.New(keys.NewSigningKey(), "joe@example.com", "ws://localhost:5001/auth", token.Options{Account: true}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &Login{Token: issued, Readers: []*keys.ReadKey{keys.NewReadKey(), keys.NewReadKey()}}
}

func (l *Login) equal(other *Login) bool {
	if other == nil || l.Token.Text() != other.Token.Text() || len(l.Readers) != len(other.Readers) {
		return false
	}
	for i, key := range l.Readers {
		if !bytes.Equal(key.Seed(), other.Readers[i].Seed()) {
			return false
		}
	}
	return true
}

// TestFile: a login is read as it was written, replaced and removed; its file is
// its owner's alone, and one that others can read is refused.
func TestFile(t *testing.T) {
	d := Folder(filepath.Join(t.TempDir(), "ate"))
	if l, err := d.Read(); l != nil || err != nil {
		t.Errorf("before it was written: %v, %v", l, err)
	}
	for range 2 {
		l := newLogin(t)
		if err := d.Write(l); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Read(); err != nil || !l.equal(got) {
			t.Errorf("read %v, %v", got, err)
		}
	}
	for path, want := range map[string]os.FileMode{string(d): 0o700, d.Path(): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	entries, err := os.ReadDir(string(d))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %d entries, %v", len(entries), err)
	}
	if err := os.Chmod(d.Path(), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read(); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
	for range 2 {
		if err := d.Remove(); err != nil {
			t.Error(err)
		}
	}
	if l, err := d.Read(); l != nil || err != nil {
		t.Errorf("after it was removed: %v, %v", l, err)
	}
}

// TestDamage: every flipped bit and cut is noticed, and the error has no secret.
func TestDamage(t *testing.T) {
	good := newLogin(t).Encode()
	seed := strings.Fields(string(good))[6]
	for at := 0; at < len(good); at += 1 + at/100 {
		for what, bad := range map[string][]byte{"flipped": flipped(good, at), "cut": good[:at]} {
			_, err := Parse(bad)
			if !fault.Is(err, fault.Damaged) && !fault.Is(err, fault.Unsupported) {
				t.Fatalf("%s at %d: %v", what, at, err)
			}
			if strings.Contains(err.Error(), seed) {
				t.Fatalf("%s at %d: the error has a seed", what, at)
			}
		}
	}
	if _, err := Parse(bytes.Replace(good, []byte("login 1"), []byte("login 2"), 1)); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a later version: %v", err)
	}
	if _, err := Parse(make([]byte, maxFile+1)); !fault.Is(err, fault.Damaged) {
		t.Errorf("a huge file: %v", err)
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// TestPrints: a login that is printed shows no secret.
func TestPrints(t *testing.T) {
	l := newLogin(t)
	if got := fmt.Sprintf("%v %+v", l, *l); strings.Contains(got, l.Token.Text()[100:]) || !strings.Contains(got, "[secret]") {
		t.Errorf("it is printed as %s", got)
	}
}

// FuzzParse: no file crashes it, and what it accepts is what it writes.
func FuzzParse(f *testing.F) {
	f.Add(string(newLogin(f).Encode()))
	f.Add("ate login 1\ntoken x\nread y\n")
	f.Fuzz(func(t *testing.T, raw string) {
		// The sum is made good, or the fuzzer would never get past it.
		for _, text := range []string{raw, raw + "sum " + sum(raw) + "\n"} {
			if l, err := Parse([]byte(text)); err == nil && string(l.Encode()) != text {
				t.Errorf("%q was read as %q", text, l.Encode())
			}
		}
	})
}
