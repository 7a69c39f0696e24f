package pluginhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
)

func TestHostsShareARuntimeDir(t *testing.T) {
	base := filepath.Join(shortDir(t), "run")
	first, err := claimRuntimeDir(base)
	if err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(base, hostPrefix+"123")
	if err := os.MkdirAll(filepath.Join(stale, "plugin-dir1"), 0o700); err != nil {
		t.Fatal(err)
	}
	second, err := claimRuntimeDir(base)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first.path); err != nil {
		t.Error("a living host's folder was swept:", err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Error("a dead host's folder was not swept:", err)
	}
	for _, dir := range []string{base, first.path, second.path} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
	for _, dir := range []*runtimeDir{first, second} {
		if err := dir.release(); err != nil {
			t.Error(err)
		}
	}
}

func TestRuntimeDirIsMadePrivate(t *testing.T) {
	base := shortDir(t)
	if err := os.Chmod(base, 0o777); err != nil {
		t.Fatal(err)
	}
	dir, err := claimRuntimeDir(base)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.release()
	if info, err := os.Stat(base); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestImpossibleRuntimeDirs(t *testing.T) {
	file := filepath.Join(shortDir(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(shortDir(t), "link")
	if err := os.Symlink(shortDir(t), link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"/" + strings.Repeat("x", maxRuntimeDir), file, link, "/proc/atedb"} {
		_, err := claimRuntimeDir(dir)
		wantFault(t, err, fault.BadConfig, dir)
	}
}
