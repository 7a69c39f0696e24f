package keyfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// A key file or folder that others can get at is refused, with what to do.
func TestPermissions(t *testing.T) {
	folder := Folder(filepath.Join(t.TempDir(), "keys"))
	if err := folder.Create(testFile(t, "joe", "", 0)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{folder.Path("joe"): 0o600, string(folder): 0o700} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o601, 0o644} {
		if err := os.Chmod(folder.Path("joe"), mode); err != nil {
			t.Fatal(err)
		}
		if _, err := folder.Read("joe"); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), "chmod 600 ") {
			t.Errorf("%o: %v", mode, err)
		}
	}
	if err := os.Chmod(folder.Path("joe"), 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Read("joe"); err != nil {
		t.Error("a file that only its owner can read:", err)
	}
	if err := os.Chmod(string(folder), 0o720); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Read("joe"); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), "chmod 700 ") {
		t.Error(err)
	}
	if err := folder.Create(testFile(t, "ann", "", 0)); !fault.Is(err, fault.BadConfig) {
		t.Error(err)
	}
}

// Of creators of one name at once, one succeeds and its file stays; nothing
// else is left behind.
func TestRaceOfCreators(t *testing.T) {
	folder := Folder(filepath.Join(t.TempDir(), "keys"))
	const creators = 8
	var (
		all   sync.WaitGroup
		files [creators]*File
		errs  [creators]error
	)
	for i := range creators {
		all.Go(func() {
			id, err := keys.NewIdentity("joe")
			if err == nil {
				files[i], err = New(id, "")
			}
			if err == nil {
				err = folder.Create(files[i])
			}
			errs[i] = err
		})
	}
	all.Wait()
	got, err := folder.Read("joe")
	if err != nil {
		t.Fatal(err)
	}
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
			if !bytes.Equal(got.Encode(), files[i].Encode()) {
				t.Error("the file is not that of the one who succeeded")
			}
		case !fault.Is(err, fault.BadRequest) || !strings.Contains(err.Error(), "already"):
			t.Error(err)
		}
	}
	found, _ := os.ReadDir(string(folder))
	if won != 1 || len(found) != 1 {
		t.Errorf("%d succeeded, %d files are there", won, len(found))
	}
}

// A name that is taken stays as it is, also when a dangling link has it.
func TestCreateTakesNoPlace(t *testing.T) {
	folder := Folder(t.TempDir())
	target := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Symlink(target, folder.Path("joe")); err != nil {
		t.Fatal(err)
	}
	if err := folder.Create(testFile(t, "joe", "", 0)); !fault.Is(err, fault.BadRequest) {
		t.Error(err)
	}
	if _, err := os.Stat(target); err == nil {
		t.Error("the key was written through the link")
	}
}

// A list has every key by name, the bad ones with their errors, and nothing
// else; a folder that is not there is an empty one.
func TestList(t *testing.T) {
	folder := Folder(filepath.Join(t.TempDir(), "keys"))
	if entries, err := folder.List(); err != nil || len(entries) != 0 {
		t.Error(entries, err)
	}
	for _, name := range []string{"a", "a-b", "joe"} {
		if err := folder.Create(testFile(t, name, "", 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(folder.Path("joe"), folder.Path("ann")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".a-1.tmp", "note.txt", "UPPER.key", ".key"} {
		if err := os.WriteFile(filepath.Join(string(folder), name), nil, fileMode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(folder.Path("dir"), folderMode); err != nil {
		t.Fatal(err)
	}
	entries, err := folder.List()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%s %s", e.Name, fault.CodeOf(e.Err)))
	}
	if want := "a , a-b , ann bad_config, dir bad_config"; strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	if _, err := folder.Read("bob"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if _, err := folder.Read("../keys/a"); !fault.Is(err, fault.BadRequest) {
		t.Error(err)
	}
}

// The folder follows ATE_HOME, and else the user's configuration.
func TestDefaultFolder(t *testing.T) {
	t.Setenv("ATE_HOME", "/x")
	if d, err := DefaultFolder(); err != nil || d != "/x/keys" {
		t.Error(d, err)
	}
	t.Setenv("ATE_HOME", "")
	t.Setenv("XDG_CONFIG_HOME", "/y")
	if d, err := DefaultFolder(); err != nil || d != "/y/ate/keys" {
		t.Error(d, err)
	}
}
