package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// restore replaces a folder by a copy of it.
func restore(t *testing.T, copied, folder string) {
	t.Helper()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	copyFolder(t, copied, folder)
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
}

var headPattern = regexp.MustCompile(`\b\d+:[0-9a-f]{64}\b`)

// TestHistoryThatContradictsWhatWasSeen has a server that goes back to a copy of
// its data, goes on from there in another way, or makes a chain anew under its
// name. Whoever saw what it had before refuses it and names both; who did not,
// cannot know.
func TestHistoryThatContradictsWhatWasSeen(t *testing.T) {
	for _, trust := range []string{"centralized", "distributed"} {
		t.Run(trust, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			data, copied := filepath.Join(folder, "data"), filepath.Join(folder, "copy")
			d := startDaemonWith(t, []string{"--no-auth", "--no-wire-encryption", "--trust", trust, "solo"}, data)
			joe, ann := newPerson(t, true), newPerson(t, false)
			url := d.url("example.com/joe/mydb")
			joe.must("put", url, "a", "1")
			joe.must("put", url, "b", "2")
			ann.must("ls", url)
			d.stop()
			copyFolder(t, data, copied)
			d.restart()
			joe.must("put", url, "c", "3")
			joe.must("get", url, "c")
			d.stop()

			restore(t, copied, data)
			d.restart()
			for _, args := range [][]string{{"get", url, "a"}, {"put", url, "d", "4"}, {"ls", url}, {"log", url}, {"verify", url}} {
				joe.refused([]string{"rolled back", "[forked]"}, args...)
			}
			_, _, stderr := joe.ate("get", url, "a")
			if heads := headPattern.FindAllString(stderr, -1); len(heads) != 2 || !strings.HasPrefix(heads[0], "4:") || !strings.HasPrefix(heads[1], "3:") {
				t.Errorf("the two heads are not named: %s", stderr)
			}
			ann.must("get", url, "a") // who saw no more than there is

			// It grows past what joe saw, in another way.
			home := joe.home
			joe.home = t.TempDir() // the same key, without the memory
			copyFolder(t, filepath.Join(home, "keys"), filepath.Join(joe.home, "keys"))
			for _, key := range []string{"x", "y", "z"} {
				joe.must("put", url, key, "other")
			}
			joe.home = home
			joe.refused([]string{"rewritten", "[forked]"}, "get", url, "a")
			_, _, stderr = joe.ate("get", url, "a")
			if heads := headPattern.FindAllString(stderr, -1); len(heads) < 2 || !strings.HasPrefix(heads[0], "4:") || !strings.HasPrefix(heads[1], "6:") {
				t.Errorf("the two heads are not named: %s", stderr)
			}
			ann.must("get", url, "x") // for whom it continues what she saw
			d.stop()

			// The chain is deleted and made again under its name.
			if err := os.RemoveAll(filepath.Join(data, "db")); err != nil {
				t.Fatal(err)
			}
			d.restart()
			stranger := newPerson(t, true)
			for _, key := range []string{"1", "2", "3", "4", "5", "6", "7"} {
				stranger.must("put", url, key, "new")
			}
			for _, p := range []*person{joe, ann} {
				p.refused([]string{"another one than before", filepath.Join(p.home, "names"), "[forked]"}, "get", url, "1")
				p.refused([]string{"[forked]"}, "log", url)
			}
			stranger.must("get", url, "1")
			d.stop()
		})
	}
}
