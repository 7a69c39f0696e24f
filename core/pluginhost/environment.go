package pluginhost

import (
	"os"
	"slices"
	"strings"
)

// allowed are the variables of the daemon's environment that plugins get; a
// name that ends in * stands for all that begin so. The rest may hold secrets
// that are no plugin's business.
var allowed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LC_*",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
	"GODEBUG", "GOTRACEBACK", "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GOCOVERDIR", "GORACE",
}

func allowedEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return !slices.ContainsFunc(allowed, func(a string) bool {
			prefix, many := strings.CutSuffix(a, "*")
			return name == a || many && strings.HasPrefix(name, prefix)
		})
	})
}
