//go:build !windows

package privatefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != mode {
		t.Errorf("%s has mode %v", path, info.Mode())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	return string(raw)
}

// TestModes writes for the owner alone, also where a umask takes more away.
func TestModes(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o777))
	folder := t.TempDir()
	os.Chmod(folder, 0o700)
	for name, write := range map[string]func(string, []byte) error{"create": Create, "replace": Replace} {
		path := filepath.Join(folder, name)
		if err := write(path, []byte("secret")); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != "secret" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestReplaceTakesAnothersPlaceAndCreateDoesNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Create(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("second")); !errors.Is(err, fs.ErrExist) || read(t, path) != "first" {
		t.Errorf("creating it again: %v", err)
	}
	if err := Replace(path, []byte("third")); err != nil || read(t, path) != "third" {
		t.Errorf("replacing it: %v", err)
	}
}

// TestManyCreateOne has one of many win.
func TestManyCreateOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if err := Create(path, []byte{byte('a' + i)}); err == nil {
				won.Add(1)
			} else if !errors.Is(err, fs.ErrExist) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || len(read(t, path)) != 1 {
		t.Errorf("%d created it", won.Load())
	}
}

func TestWithoutItsFolder(t *testing.T) {
	if err := Replace(filepath.Join(t.TempDir(), "none", "file"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
