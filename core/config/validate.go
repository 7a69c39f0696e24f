package config

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atedb/atedb/sdk/fault"
)

// Bounds of the settings.
const (
	maxCount   = 1_000_000
	minTimeout = time.Millisecond
	maxTimeout = 366 * 24 * time.Hour
)

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// Validate checks every setting that the daemon itself understands. The error
// is a bad_config fault, or a [FlagError], that names the place. What stands in
// the plugins' own blocks is theirs to check.
func (c *Config) Validate() error {
	for _, check := range []func() error{
		c.checkListen, c.checkPaths, c.checkBlocks, c.checkMayEndLive, c.checkPlugins, c.checkDNS, c.checkNames, c.checkLimits,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkListen() error {
	host, port, err := net.SplitHostPort(c.Listen)
	_, portErr := strconv.ParseUint(port, 10, 16)
	_, ipErr := netip.ParseAddr(host)
	if err != nil || portErr != nil || (ipErr != nil && host != "" && !hostname.MatchString(host)) {
		return c.bad("listen", `is %q; it must be an address and a port, such as "[::]:5000" or "127.0.0.1:5000"`, c.Listen)
	}
	return nil
}

func (c *Config) checkPaths() error {
	for key, path := range map[string]string{"logs_path": c.LogsPath, "runtime_dir": c.RuntimeDir} {
		if !filepath.IsAbs(path) {
			return c.bad(key, "is %q; it must be the path of a folder", path)
		}
	}
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		return c.bad("tls", "has a certificate without a key, or a key without a certificate; give both or neither")
	}
	for _, dir := range c.PluginDirs {
		if !filepath.IsAbs(dir) {
			return c.bad("plugin_dirs", "holds %q; it must hold paths of folders", dir)
		}
	}
	return nil
}

func (c *Config) checkBlocks() error {
	if c.NoAuth && len(c.Auth) > 0 {
		return c.bad("no_auth", "is true, but an auth plugin is named; keep one of them")
	}
	if !c.NoAuth && len(c.Auth) == 0 {
		return c.bad("auth", "names no plugin; name one, or say no_auth = true to let anyone create chains")
	}
	for kind, blocks := range map[string][]Block{
		KindStorage: {c.Storage}, KindTrust: {c.Trust}, KindAuth: c.Auth, KindCompaction: c.Compaction,
	} {
		for _, b := range blocks {
			if !pluginName.MatchString(b.Name) {
				return c.bad(kind, "%q is not a plugin's name, which has lower-case letters, digits and inner dashes, at most 63", b.Name)
			}
		}
	}
	return nil
}

// checkMayEndLive refuses names of strategies that do not run.
func (c *Config) checkMayEndLive() error {
	for _, name := range c.MayEndLive {
		if !slices.ContainsFunc(c.Compaction, func(b Block) bool { return b.Name == name }) {
			return c.bad("may_end_live", "has %q, which is the name of no compaction block; add one, or remove the name", name)
		}
	}
	return nil
}

func (c *Config) checkPlugins() error {
	seen := map[[2]string]bool{}
	for _, p := range c.Plugins {
		at, id := "plugin."+p.Kind+"."+p.Name, [2]string{p.Kind, p.Name}
		digest, err := hex.DecodeString(p.SHA256)
		switch {
		case !slices.Contains(kinds, p.Kind):
			return c.bad(at, "has the kind %q; it must be %s", p.Kind, list(kinds))
		case !pluginName.MatchString(p.Name):
			return c.bad(at, "has the name %q; it must have lower-case letters, digits and inner dashes, at most 63", p.Name)
		case seen[id]:
			return c.bad(at, "is given twice; keep one of them")
		case p.Path == "" && p.SHA256 == "":
			return c.bad(at, "says nothing; give path, sha256 or both, or remove it")
		case p.Path != "" && !filepath.IsAbs(p.Path):
			return c.bad(at, "has the path %q; it must begin with / or ~/", p.Path)
		case p.SHA256 != "" && (err != nil || len(digest) != sha256.Size):
			return c.bad(at, "has the sha256 %q; it must be the 64 hexadecimal digits that sha256sum prints", p.SHA256)
		}
		seen[id] = true
	}
	return nil
}

func (c *Config) checkDNS() error {
	_, addrErr := netip.ParseAddr(c.DNSServer)
	_, withPortErr := netip.ParseAddrPort(c.DNSServer)
	if addrErr != nil && withPortErr != nil {
		return c.bad("dns_server", `is %q; it must be an IP address, such as "8.8.8.8", or one with a port, such as "[::1]:53"`, c.DNSServer)
	}
	if c.DNSAnchors != "" && !c.DNSSec {
		return c.bad("dns_anchors", "is given, and dns_sec is false, which believes everything; set dns_sec = true, or remove it")
	}
	return nil
}

func (c *Config) checkNames() error {
	if !slices.Contains(logLevels, c.Log.Level) {
		return c.bad("log.level", "is %q; it must be %s", c.Log.Level, list(logLevels))
	}
	if !slices.Contains(logFormats, c.Log.Format) {
		return c.bad("log.format", "is %q; it must be %s", c.Log.Format, list(logFormats))
	}
	if !slices.Contains(authRules, c.AuthRule) {
		return c.bad("auth_rule", "is %q; it must be %s", c.AuthRule, list(authRules))
	}
	if !slices.Contains(wireEncryption, c.WireEncryption.String()) {
		return c.bad("wire_encryption", "is %d; it must be one of %s", int(c.WireEncryption), list(wireEncryption))
	}
	return nil
}

// checkLimits checks every setting that is a number or a duration.
func (c *Config) checkLimits() error {
	for key, field := range c.settings() {
		switch v := field.Interface().(type) {
		case int:
			if v < 1 || v > maxCount {
				return c.bad(key, "is %d; it must be between 1 and %d", v, maxCount)
			}
		case time.Duration:
			if v < minTimeout || v > maxTimeout {
				return c.bad(key, "is %s; it must be between %s and %s", v, minTimeout, maxTimeout)
			}
		}
	}
	return nil
}

// bad is a fault about a key, at the place that its value came from.
func (c *Config) bad(key, format string, args ...any) error {
	return c.Origin(key).bad(key+" "+format, args...)
}

// absolutePaths replaces every path by an absolute one. Plugins' paths, which
// must not depend on where the daemon is started, only have ~/ replaced.
func (c *Config) absolutePaths() error {
	home, homeErr := os.UserHomeDir()
	replace := func(path *string, relative bool) error {
		if rest, ok := strings.CutPrefix(*path, "~"); ok && (rest == "" || rest[0] == '/') {
			if homeErr != nil {
				return fault.New(fault.BadConfig, "the path %s cannot be found: %w; write it out", *path, homeErr)
			}
			*path = filepath.Join(home, rest)
		}
		var err error
		if *path != "" && relative {
			*path, err = filepath.Abs(*path)
		}
		return err
	}
	paths := []*string{&c.LogsPath, &c.RuntimeDir, &c.TLS.Certificate, &c.TLS.Key, &c.DNSAnchors}
	for i := range c.PluginDirs {
		paths = append(paths, &c.PluginDirs[i])
	}
	for _, path := range paths {
		if err := replace(path, true); err != nil {
			return err
		}
	}
	for i := range c.Plugins {
		if err := replace(&c.Plugins[i].Path, false); err != nil {
			return err
		}
	}
	return nil
}
