package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/plugin"
)

// Spec names a plugin and its configuration.
type Spec struct {
	Kind, Name string
	Path       string // absolute; "" to look in the plugin folders
	SHA256     string // the program's, in hexadecimal; "" if it is not pinned
	Config     []byte // the plugin's block of the config file, as a JSON object
}

// programPrefix begins the name of every plugin's program.
const programPrefix = "atedb-plugin-"

// ID returns the plugin's name in logs: its kind and name, with a hyphen.
func (s *Spec) ID() string { return s.Kind + "-" + s.Name }

func (s *Spec) String() string { return fmt.Sprintf("the %s plugin %q", s.Kind, s.Name) }

// explain puts the plugin's name before a fault's sentence. nil stays nil.
func (s *Spec) explain(err error) error {
	if err == nil {
		return nil
	}
	f := fault.From(err)
	return fault.New(f.Code, "%s: %s", s, f.Reason)
}

func (s *Spec) fault(code fault.Code, format string, args ...any) error {
	return fault.New(code, "%s "+format, append([]any{s}, args...)...)
}

var (
	validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	validSum  = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
)

// check finds what is wrong with the spec by itself.
func (s *Spec) check(requireChecksum bool) error {
	if _, ok := plugin.Kinds()[s.Kind]; !ok {
		return fault.New(fault.BadConfig, "%q is no kind of plugin; the kinds are storage, auth, trust and compaction", s.Kind)
	}
	switch {
	case !validName.MatchString(s.Name):
		return fault.New(fault.BadConfig, "%q cannot be the name of a %s plugin; use small letters, digits and hyphens, at most 63", s.Name, s.Kind)
	case s.Path != "" && !filepath.IsAbs(s.Path):
		return s.fault(fault.BadConfig, "has the path %q; write an absolute one", s.Path)
	case s.SHA256 != "" && !validSum.MatchString(s.SHA256):
		return s.fault(fault.BadConfig, "has the sha256 %q; write the 64 hexadecimal digits that sha256sum prints", s.SHA256)
	case s.SHA256 == "" && requireChecksum:
		return s.fault(fault.BadConfig, "has no sha256, which require_checksums asks for; write what sha256sum prints for its program into a plugin block of the configuration")
	}
	return nil
}

// find returns the path of the plugin's program, which has passed all checks.
func (s *Spec) find(dirs []string, requireChecksum bool) (string, error) {
	if err := s.check(requireChecksum); err != nil {
		return "", err
	}
	path, err := s.locate(dirs)
	if err != nil {
		return "", err
	}
	return path, s.checkSum(path)
}

func (s *Spec) locate(dirs []string) (string, error) {
	if s.Path != "" {
		return s.Path, s.checkProgram(s.Path)
	}
	for _, dir := range dirs {
		path, err := filepath.Abs(filepath.Join(dir, programPrefix+s.ID()))
		if err != nil {
			return "", s.fault(fault.BadConfig, "cannot be looked for in %q: %w", dir, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, s.checkProgram(path)
		}
	}
	return "", s.unknown(dirs)
}

func (s *Spec) checkProgram(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.fault(fault.BadConfig, "should be at %s, where there is nothing; correct its path in the configuration", path)
	case err != nil:
		return s.fault(fault.BadConfig, "cannot be looked at: %w", err)
	case !info.Mode().IsRegular():
		return s.fault(fault.BadConfig, "should be at %s, which is not a file", path)
	case info.Mode()&0o111 == 0:
		return s.fault(fault.BadConfig, "is at %s, which is not executable; run chmod +x on it", path)
	}
	return nil
}

// unknown says what could have been meant.
func (s *Spec) unknown(dirs []string) error {
	var found []string
	for _, dir := range dirs {
		paths, err := filepath.Glob(filepath.Join(dir, programPrefix+s.Kind+"-*"))
		if err != nil {
			continue // a folder's name that is no pattern holds nothing to suggest
		}
		for _, path := range paths {
			found = append(found, strings.TrimPrefix(filepath.Base(path), programPrefix+s.Kind+"-"))
		}
	}
	slices.Sort(found)
	where := strings.Join(dirs, ", ")
	if where == "" {
		where = "no folder, as plugin_dirs is empty"
	}
	has := "there is no " + s.Kind + " plugin there"
	if len(found) > 0 {
		has = "there is " + strings.Join(slices.Compact(found), ", ")
	}
	return s.fault(fault.BadConfig, "was not found; looked for %s in %s: %s", programPrefix+s.ID(), where, has)
}

// checkSum compares the program's checksum with the pinned one.
func (s *Spec) checkSum(path string) error {
	if s.SHA256 == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return s.fault(fault.BadConfig, "cannot be checked: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return s.fault(fault.BadConfig, "cannot be checked: %w", err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(sum, s.SHA256) {
		return s.fault(fault.BadConfig, "at %s has the checksum %s, but the configuration pins %s; restore the program, or pin the new one if you trust it", path, sum, strings.ToLower(s.SHA256))
	}
	return nil
}
