package plugin

import "runtime/debug"

// version is set by the linker in releases:
// -ldflags "-X github.com/atedb/atedb/sdk/plugin.version=1.2.3".
var version string

// BuildVersion returns the version of the running program: the linker's, else
// the main module's, else the start of the commit it was built from, else "dev".
func BuildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "dev-" + s.Value[:12]
		}
	}
	return "dev"
}
