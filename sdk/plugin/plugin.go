package plugin

import (
	"context"

	"github.com/hashicorp/go-hclog"

	"github.com/atedb/atedb/sdk/auth"
	"github.com/atedb/atedb/sdk/compaction"
	"github.com/atedb/atedb/sdk/storage"
	"github.com/atedb/atedb/sdk/trust"
)

// The kinds of plugins, as config files and program names spell them.
const (
	KindStorage    = "storage"
	KindAuth       = "auth"
	KindTrust      = "trust"
	KindCompaction = "compaction"
)

// Kinds lists every kind with the version of its contract in this release.
func Kinds() map[string]uint32 {
	return map[string]uint32{
		KindStorage: storage.Version, KindAuth: auth.Version, KindTrust: trust.Version, KindCompaction: compaction.Version,
	}
}

// Plugin is what a plugin's program serves: one implementation for one or more
// kinds.
type Plugin struct {
	Name    string // as in the config file, such as "file"
	Version string // of the program, for people; see [BuildVersion]

	// Lifecycle takes the configuration. Without one the plugin has none, and
	// any key that a user writes is an error. It may also have the methods of
	// [HealthChecker] and [Stopper].
	Lifecycle Configurable

	// At least one of these.
	Storage    storage.Store
	Auth       auth.Resolver
	Trust      trust.Validator
	Compaction compaction.Strategy
}

// contracts returns the kinds that p serves and their versions.
func (p *Plugin) contracts() map[string]uint32 {
	served := Kinds()
	for kind, has := range map[string]bool{
		KindStorage: p.Storage != nil, KindAuth: p.Auth != nil, KindTrust: p.Trust != nil, KindCompaction: p.Compaction != nil,
	} {
		if !has {
			delete(served, kind)
		}
	}
	return served
}

// Configurable takes a plugin's configuration.
type Configurable interface {
	// Validate checks a configuration, a JSON object, without taking it or
	// touching anything outside the process. Errors should be faults with code
	// bad_config that name the key; see [DecodeConfig].
	Validate(config []byte) error

	// Configure takes the configuration and makes the plugin ready. It is
	// called once, before any call of a contract. After an error the process
	// ends.
	Configure(ctx context.Context, s Setup) error
}

// Setup is what the daemon gives a plugin.
type Setup struct {
	Config  []byte       // the plugin's block of the config file, as a JSON object
	DataDir string       // where the daemon keeps chains, an absolute path
	DNS     DNS          // how names are looked up
	Logger  hclog.Logger // its level follows the daemon's
}

// DNS is how the daemon looks names up. Every plugin that looks one up is to do
// it so: with dns.New(dns.Config(setup.DNS)), of sdk/dns.
type DNS struct {
	Server  string // IP address, with or without a port
	Secure  bool   // believe only what DNSSEC proves
	Anchors string // path of a file with the root's DS records; "" for those built in
}

// HealthChecker is a Lifecycle that knows whether it is well.
type HealthChecker interface {
	// Health returns what is wrong, or nil. It is called every few seconds and
	// must answer soon: a plugin that does not answer is killed. The problem
	// it names is logged and has no other effect.
	Health(ctx context.Context) error
}

// Stopper is a Lifecycle that has something to finish.
type Stopper interface {
	// Shutdown finishes what is under way, before ctx is done. No call of a
	// contract comes after it. The process then ends.
	Shutdown(ctx context.Context) error
}

// noConfig is the Lifecycle of a plugin that has none.
type noConfig struct{}

func (noConfig) Validate(config []byte) error               { return DecodeConfig(config, &struct{}{}) }
func (noConfig) Configure(_ context.Context, s Setup) error { return noConfig{}.Validate(s.Config) }
