package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

const envPrefix = "ATEDB_"

// notOurs matches what Kubernetes sets in every container beside a service
// that is called atedb.
var notOurs = regexp.MustCompile(`^ATEDB_(SERVICE_(HOST|PORT\w*)=|PORT_\d+_(TCP|UDP)\w*=|PORT=(tcp|udp)://)`)

// environ returns the variables that may concern AteDB.
func environ(vars []string) map[string]string {
	env := map[string]string{}
	for _, v := range vars {
		name, value, _ := strings.Cut(v, "=")
		if (strings.HasPrefix(name, envPrefix) && !notOurs.MatchString(v)) || name == "RUST_LOG" {
			env[name] = value
		}
	}
	return env
}

// loadEnv takes over every setting of the environment. An empty variable is
// the same as none.
func (l *loader) loadEnv(env map[string]string) error {
	settings := envSettings()
	given := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		apply, ok := settings[name]
		switch {
		case env[name] == "" || name == "RUST_LOG" || name == "ATEDB_CONFIG":
			continue
		case !ok:
			return fault.New(fault.BadConfig, "the environment variable %s is not a setting; %s",
				name, didYouMean(name, append(slices.Collect(maps.Keys(settings)), "ATEDB_CONFIG")))
		}
		given[name] = env[name]
		if err := apply(l, env[name], Origin{Layer: FromEnv, Name: name}); err != nil {
			return err
		}
	}
	if err := contradictions(given, FromEnv, "ATEDB_AUTH", "ATEDB_NO_AUTH"); err != nil {
		return err
	}
	if err := contradictions(given, FromEnv, "ATEDB_LOG", "ATEDB_LOG_LEVEL"); err != nil {
		return err
	}
	return l.loadRustLog(env["RUST_LOG"], given)
}

// envSettings returns what each variable does.
func envSettings() map[string]applyFunc {
	out := map[string]applyFunc{"ATEDB_LOG": setKey("log.level")}
	for key, t := range types {
		if t != nil && !isBlock(t) {
			out[envPrefix+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))] = setKey(key)
		}
	}
	for _, s := range shortForms {
		if s.env != "" {
			out[s.env] = s.apply
		}
	}
	return out
}

// loadRustLog honours RUST_LOG where nothing of ours says how much to log.
func (l *loader) loadRustLog(value string, given map[string]string) error {
	level := RustLevel(value)
	if level == "" || given["ATEDB_LOG"] != "" || given["ATEDB_LOG_LEVEL"] != "" {
		return nil
	}
	return setKey("log.level")(l, level, Origin{Layer: FromEnv, Name: "RUST_LOG"})
}

// RustLevel reduces RUST_LOG to one level: the most talkative of those that
// stand alone or belong to a target that begins with "ate". It returns "" if
// there is none, since other programs read the variable too.
func RustLevel(value string) string {
	directives, _, _ := strings.Cut(value, "/") // a filter for the text may follow
	best := len(logLevels)
	for directive := range strings.SplitSeq(directives, ",") {
		target, level, found := strings.Cut(strings.TrimSpace(directive), "=")
		if !found {
			target, level = "ate", target
		}
		i := slices.Index(logLevels, strings.ToLower(level))
		if i >= 0 && strings.HasPrefix(target, "ate") {
			best = min(best, i)
		}
	}
	if best == len(logLevels) {
		return ""
	}
	return logLevels[best]
}
