package main

import (
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/atedb/atedb/sdk/fault"
)

const envPrefix = "AUTH_SERVER_"

// notOurs matches what Kubernetes sets in every container beside a service that
// is called auth-server.
var notOurs = regexp.MustCompile(`^AUTH_SERVER_(SERVICE_(HOST|PORT\w*)=|PORT_\d+_(TCP|UDP)\w*=|PORT=(tcp|udp)://)`)

// withoutFlag are the variables that no flag has the name of.
var withoutFlag = []string{"AUTH_SERVER_LOG", "AUTH_SERVER_LOGS_PATH", "AUTH_SERVER_KEY_PATH"}

// settings is where a setting comes from: flags, then the environment.
type settings struct {
	cmd *cobra.Command
	env map[string]string // our variables that are not empty
}

// newSettings reads the environment. A variable that is no setting is a
// bad_config fault.
func newSettings(cmd *cobra.Command) (*settings, error) {
	s := &settings{cmd: cmd, env: map[string]string{}}
	known := slices.Clone(withoutFlag)
	for _, c := range append(cmd.Root().Commands(), cmd.Root()) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { known = append(known, variable(f.Name)) })
	}
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		switch {
		case !strings.HasPrefix(name, envPrefix) || value == "" || notOurs.MatchString(v):
		case !slices.Contains(known, name):
			return nil, fault.New(fault.BadConfig, "the environment variable %s is not a setting; those of a flag are %s and its name in capitals", name, envPrefix)
		default:
			s.env[name] = value
		}
	}
	return s, nil
}

func variable(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// isFlag reports whether a flag was given.
func (s *settings) isFlag(name string) bool { return s.cmd.Flags().Changed(name) }

// isSet reports whether a flag or its variable was given.
func (s *settings) isSet(name string) bool { return s.isFlag(name) || s.env[variable(name)] != "" }

// bad is a fault of a setting. On the command line it is wrong usage.
func (s *settings) bad(name, format string, args ...any) error {
	if s.isFlag(name) {
		return &wrongUsage{fault.New(fault.BadConfig, "--"+name+": "+format, args...)}
	}
	return fault.New(fault.BadConfig, variable(name)+": "+format, args...)
}

// apply gives the flags that were not given, but their variables were, the
// variables' values. Of two flags that contradict each other one may be given.
func (s *settings) apply(contradicting ...[2]string) error {
	for _, pair := range contradicting {
		first, second := s.isFlag(pair[0]), s.isFlag(pair[1])
		if !first && !second {
			first, second = s.isSet(pair[0]), s.isSet(pair[1])
		}
		if first && second {
			return s.bad(pair[0], "this and --%s contradict each other; give one of them", pair[1])
		}
		for i, given := range []bool{first, second} {
			if given {
				delete(s.env, variable(pair[1-i]))
			}
		}
	}
	var err error
	s.cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value := s.env[variable(f.Name)]
		if f.Changed || value == "" || err != nil {
			return
		}
		if setErr := f.Value.Set(value); setErr != nil {
			err = s.bad(f.Name, "%q is no value for it: %w", value, setErr)
		}
	})
	return err
}

// path returns a path: an argument, or else a variable, or else the default.
func (s *settings) path(args []string, at int, name, otherwise string) string {
	switch value := s.env[variable(name)]; {
	case len(args) > at:
		return args[at]
	case value != "":
		return value
	}
	return otherwise
}
