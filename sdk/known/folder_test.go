package known

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/merkle"
)

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestFormats compares the files with the examples of the package comment.
func TestFormats(t *testing.T) {
	doc := get(t, "doc.go")
	d := Folder(t.TempDir())
	put(t, d.path(hostsFile), "# the office\n", 0o600)
	h, err := merkle.ParseHead("3:61385e67b5ba76d8531b20adc14bec9ef6e0553abcc56d899e640d4d67401429")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Pin(Host{office, print(1), 128, keys.PublicKey{}}), d.Remember(chain(1), mydb, office, h)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{d.path(hostsFile), d.headPath(chain(1)), d.namePath(office, mydb)} {
		text := get(t, path)
		if !strings.Contains(doc, "//\t"+strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n//\t")+"\n//") {
			t.Errorf("the package comment does not have the file %s:\n%s", path, text)
		}
	}
}

// TestComments shows that pinning keeps a file's comments, order and line ends,
// and names the line to remove.
func TestComments(t *testing.T) {
	d := Folder(t.TempDir())
	path := d.path(hostsFile)
	put(t, path, "# mine\r\n\n  "+office+"\t"+print(1).String()+"  0\n  # end", 0o600)
	if err := errors.Join(d.Pin(Host{"b:1", print(2), 0, signingKey(2)}), d.Pin(Host{office, print(1), 192, keys.PublicKey{}})); err != nil {
		t.Fatal(err)
	}
	want := "# mine\r\n\n" + office + " " + print(1).String() + " 192\n  # end\nb:1 " + print(2).String() + " 0 " + signingKey(2).Text() + "\n"
	if got := get(t, path); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	wantErr(t, "another server", d.Pin(Host{office, print(3), 0, keys.PublicKey{}}), fault.WrongServer, "line 3 of "+path)
}

// TestMalformedHosts: a damaged line is an error that names file and line, and
// never makes a server an unknown one.
func TestMalformedHosts(t *testing.T) {
	good := office + " " + print(1).String() + " 128"
	for name, line := range map[string]string{
		"one field":        office,
		"two fields":       office + " " + print(1).String(),
		"five fields":      good + " " + signingKey(1).Text() + " x",
		"address":          "office " + print(1).String() + " 128",
		"fingerprint":      office + " SHA256:xyz 128",
		"zero fingerprint": office + " " + print(0).String() + " 128",
		"level":            office + " " + print(1).String() + " 129",
		"no number":        office + " " + print(1).String() + " much",
		"key":              good + " ate-sign-v1:AAAA",
		"cut key":          good + " " + signingKey(1).Text()[:1000],
		"trailing comment": good + " # mine",
		"twice":            "other:1 " + print(1).String() + " 0",
	} {
		d := Folder(t.TempDir())
		put(t, d.path(hostsFile), "other:1 "+print(2).String()+" 0\n\n"+line+"\n", 0o600)
		_, _, err := d.Lookup(office)
		wantErr(t, name, err, fault.BadConfig, d.path(hostsFile), "3")
		wantErr(t, name, d.Pin(Host{office, print(1), 128, keys.PublicKey{}}), fault.BadConfig, d.path(hostsFile))
	}
	d := Folder(t.TempDir())
	put(t, d.path(hostsFile), strings.Repeat("#", maxHosts+1), 0o600)
	_, _, err := d.Lookup(office)
	wantErr(t, "too large", err, fault.Damaged)
}

// TestDamagedRecords: every flipped bit and cut of a remembered head or name is
// noticed as damage, and not taken for a fork or for a chain never seen.
func TestDamagedRecords(t *testing.T) {
	d := Folder(t.TempDir())
	if err := d.Remember(chain(1), mydb, office, head(3, 3)); err != nil {
		t.Fatal(err)
	}
	for path, decode := range map[string]func([]byte) (sighting, error){d.headPath(chain(1)): decodeHead, d.namePath(office, mydb): decodeName} {
		good := get(t, path)
		for bit := range 8 * len(good) {
			bad := []byte(good)
			bad[bit/8] ^= 1 << (bit % 8)
			if _, err := decode(bad); !fault.Is(err, fault.Damaged) && !fault.Is(err, fault.Unsupported) {
				t.Errorf("%s, bit %d: %v", path, bit, err)
			}
		}
		for n := range good {
			if _, err := decode([]byte(good[:n])); !fault.Is(err, fault.Damaged) {
				t.Errorf("%s, cut to %d: %v", path, n, err)
			}
		}
		if _, err := decode([]byte(strings.Replace(good, " 1\n", " 2\n", 1))); !fault.Is(err, fault.Unsupported) {
			t.Errorf("%s, version 2: %v", path, err)
		}
		put(t, path, "", 0o600)
		wantErr(t, "empty", d.Remember(chain(1), mydb, office, head(4, 4)), fault.Damaged, path)
		put(t, path, good, 0o600)
	}
	if _, err := decodeHead(encodeRecord("head", "chain "+chain(1).String(), "name ../x", "host "+office, "head "+head(1, 1).String())); !fault.Is(err, fault.Damaged) {
		t.Errorf("a good sum over a bad name: %v", err)
	}
	// A file under another's name is not that one's.
	put(t, d.headPath(chain(2)), get(t, d.headPath(chain(1))), 0o600)
	_, _, err := d.Last(chain(2))
	wantErr(t, "another chain's file", err, fault.Damaged, d.headPath(chain(2)))
	put(t, d.namePath(office, "group/db"), get(t, d.namePath(office, mydb)), 0o600)
	_, _, err = d.ChainOf(office, "group/db")
	wantErr(t, "another name's file", err, fault.Damaged)
}

// TestModes: what is written is the user's alone, and what others may write is
// not believed.
func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("modes mean nothing here")
		return
	}
	d := Folder(filepath.Join(t.TempDir(), "a", "ate"))
	if err := errors.Join(d.Pin(Host{office, print(1), 128, keys.PublicKey{}}), d.Remember(chain(1), mydb, office, head(1, 1))); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(string(d), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		want := fs.FileMode(fileMode)
		if e.IsDir() {
			want = folderMode
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %o", path, info.Mode())
		}
		if strings.HasSuffix(path, ".tmp") {
			t.Errorf("%s was left", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{d.path(hostsFile), string(d)} {
		info, err := os.Stat(path)
		if err = errors.Join(err, os.Chmod(path, info.Mode()|0o020)); err != nil {
			t.Fatal(err)
		}
		_, _, err = d.Lookup(office)
		wantErr(t, "others may write "+path, err, fault.BadConfig, path)
		if err := os.Chmod(path, info.Mode()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInterruptedWrite: a writer died before it renamed. What was there is
// still there, and the next write works.
func TestInterruptedWrite(t *testing.T) {
	d := Folder(t.TempDir())
	if err := d.Remember(chain(1), mydb, office, head(1, 1)); err != nil {
		t.Fatal(err)
	}
	put(t, d.headPath(chain(1))+"-1.tmp", "ate he", 0o400)
	if got, ok, err := d.Last(chain(1)); err != nil || !ok || got != head(1, 1) {
		t.Errorf("got %s, %v, %v", got, ok, err)
	}
	if err := d.Remember(chain(1), mydb, office, head(2, 2)); err != nil {
		t.Fatal(err)
	}
}

// TestManyWriters: handles of their own, as separate programs have, write at
// once. No pin is lost, and of one server's two keys exactly one is pinned.
func TestManyWriters(t *testing.T) {
	dir := t.TempDir()
	const writers, each = 4, 8
	var wg sync.WaitGroup
	pinned := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			d := Folder(dir)
			pinned[w] = d.Pin(Host{"contested:1", print(byte(1 + w)), 128, keys.PublicKey{}})
			for i := range each {
				if err := d.Pin(Host{fmt.Sprintf("w%d:%d", w, i+1), print(1), 0, keys.PublicKey{}}); err != nil {
					t.Error(err)
				}
				if err := d.Remember(chain(1), mydb, office, head(uint64(1+w+i*writers), byte(1+w+i*writers))); err != nil {
					t.Error(err)
				}
				if _, _, err := d.Last(chain(1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	d := Folder(dir)
	text, err := d.hosts()
	if err != nil || len(text.hosts) != writers*each+1 {
		t.Errorf("%d servers are known, want %d: %v", len(text.hosts), writers*each+1, err)
	}
	for w, err := range pinned {
		if won := text.hosts["contested:1"].Fingerprint == print(byte(1+w)); won != (err == nil) || !won && !fault.Is(err, fault.WrongServer) {
			t.Errorf("writer %d: won %v, %v", w, won, err)
		}
	}
	if got, _, err := d.Last(chain(1)); err != nil || got != head(writers*each, writers*each) {
		t.Errorf("last head %s, %v", got, err)
	}
}

// TestLockIsExclusive: while one has the lock, a writer waits, and a reader
// does not.
func TestLockIsExclusive(t *testing.T) {
	d := Folder(t.TempDir())
	unlock, err := d.lock()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- d.Remember(chain(1), mydb, office, head(1, 1)) }()
	if _, _, err := d.Last(chain(1)); err != nil {
		t.Error(err)
	}
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(30 * time.Millisecond):
	}
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestNothingIsWrittenTwice: remembering what is known touches no file.
func TestNothingIsWrittenTwice(t *testing.T) {
	d := Folder(t.TempDir())
	if err := d.Remember(chain(1), mydb, office, head(5, 5)); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(d.headPath(chain(1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Remember(chain(1), mydb, office, head(5, 5)), d.Remember(chain(1), mydb, office, head(4, 4))); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(d.headPath(chain(1)))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("it was written again: %v", err)
	}
}

// TestDefaultFolder: the folder follows ATE_HOME, and else the user's
// configuration.
func TestDefaultFolder(t *testing.T) {
	t.Setenv("ATE_HOME", "/x")
	if d, err := DefaultFolder(); err != nil || d != "/x" {
		t.Errorf("got %s, %v", d, err)
	}
	t.Setenv("ATE_HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "/y")
	t.Setenv("HOME", "/y")
	if d, err := DefaultFolder(); err != nil || filepath.Base(string(d)) != "ate" {
		t.Errorf("got %s, %v", d, err)
	}
}

// FuzzHosts: no file crashes the parser, and what it accepts is read again the
// same once each of its servers' lines is written anew.
func FuzzHosts(f *testing.F) {
	f.Add("# c\n" + office + " " + print(1).String() + " 128\n")
	f.Add("a:1 " + print(1).String() + " 0 " + signingKey(1).Text())
	f.Fuzz(func(t *testing.T, raw string) {
		text, err := parseHosts("f", raw)
		if err != nil {
			return
		}
		for _, h := range text.hosts {
			text.lines[h.at] = h.line()
		}
		again, err := parseHosts("f", strings.Join(text.lines, "\n"))
		if err != nil || len(again.hosts) != len(text.hosts) {
			t.Fatalf("%q is not read again: %v", text.lines, err)
		}
		for name, h := range text.hosts {
			if !again.hosts[name].same(h.Host) {
				t.Errorf("%+v was read as %+v", h, again.hosts[name])
			}
		}
	})
}

// FuzzRecords: no file crashes the parsers, and what they accept is what they
// write.
func FuzzRecords(f *testing.F) {
	f.Add(string(sighting{chain(1), mydb, office, head(1, 1)}.encode()))
	f.Add(string(encodeRecord("name", "host "+office, "name "+mydb.String(), "chain "+event.ChainID{}.String())))
	f.Add("ate head 2\n")
	f.Fuzz(func(t *testing.T, raw string) {
		// The sum is made good, or the fuzzer would never get past it.
		for _, text := range []string{raw, raw + "\nsum " + recordSum(raw+"\n") + "\n"} {
			if s, err := decodeHead([]byte(text)); err == nil {
				if again, err := decodeHead(s.encode()); err != nil || again != s {
					t.Errorf("%+v was read as %+v, %v", s, again, err)
				}
			}
			if s, err := decodeName([]byte(text)); err == nil && s.host == "" {
				t.Error("a name without a host")
			}
		}
	})
}
