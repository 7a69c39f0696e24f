// Package config is what an operator can set, and where each setting came
// from.
//
// Settings come in four layers, each of which beats those before it: the
// defaults, the config file, the environment and the command line's flags.
// [Load] reads them all; nothing else in the daemon looks at a file, a
// variable or a flag.
//
// The file is HCL (.hcl) or YAML (.yaml, .yml) and has the same shape in both.
// A block that names a plugin is a map of one entry in YAML; kinds that may
// have several plugins take a list of such maps, whose order counts:
//
//	listen = "[::]:5000"                     listen: "[::]:5000"
//	storage "file" { path = "/srv" }         storage: { file: { path: /srv } }
//	auth "static" { file = "/etc/owners" }   auth: [ static: { file: /etc/owners } ]
//
// In the environment a setting is its key in capitals after ATEDB_, with _ for
// a dot: ATEDB_LIMITS_MAX_CONNECTIONS. ATEDB_LOG is short for ATEDB_LOG_LEVEL.
//
// Relative paths are relative to the folder that the daemon is started in, and
// ~/ is the home folder of who starts it.
//
// A key that does not exist, a value of the wrong type or out of range, and a
// setting or block given twice are bad_config faults that name the place.
package config

import "time"

// Config is every setting of the daemon. Its zero value is invalid: use
// [Default] or [Load]. It must not be changed once the server runs.
type Config struct {
	// Listen is the host:port of the TCP port that serves clients. The host
	// [::] means every address, IPv6 and IPv4; 0.0.0.0 means IPv4 only. Port 0
	// lets the system choose a free one.
	Listen string `koanf:"listen"`
	// LogsPath is the absolute path of the folder that the chains are kept in.
	LogsPath string `koanf:"logs_path"`
	// RuntimeDir is the absolute path of the folder for the plugins' sockets.
	RuntimeDir string `koanf:"runtime_dir"`

	// WireEncryption is the least strength of the wire's encryption. Unless it
	// is set, it follows from the trust mode: off if distributed, otherwise 128.
	WireEncryption WireEncryption `koanf:"wire_encryption"`

	// TLS has the daemon speak wss:// too, on the same port.
	TLS TLS `koanf:"tls"`

	// NoAuth has the daemon ask nobody who owns a new chain: anyone may write
	// its roots. Auth is empty then.
	NoAuth bool `koanf:"no_auth"`
	// Auth are the resolvers that know who owns a new chain, asked in order.
	Auth []Block `koanf:"auth"`
	// Trust is what checks that writers own the keys they write with.
	Trust Block `koanf:"trust"`
	// Storage is what keeps the chains.
	Storage Block `koanf:"storage"`
	// Compaction are the strategies that vote on what a chain may drop.
	Compaction []Block `koanf:"compaction"`
	// MayEndLive are names of strategies that may end objects which have a
	// value, in chains of centralized trust. No other ever loses one.
	MayEndLive []string `koanf:"may_end_live"`

	// Plugins say where programs are that are in none of the plugin folders,
	// or which checksum they must have.
	Plugins []Plugin `koanf:"plugin"`
	// PluginDirs are the absolute paths of the folders that are searched, in
	// order, for programs named atedb-plugin-<kind>-<name>.
	PluginDirs []string `koanf:"plugin_dirs"`
	// RequireChecksums refuses to start a plugin whose checksum is not given.
	RequireChecksums bool `koanf:"require_checksums"`

	// DNSServer is the IP address, with or without a port, that DNS queries go to.
	DNSServer string `koanf:"dns_server"`
	// DNSSec has answers to DNS queries believed only if DNSSEC proves them.
	DNSSec bool `koanf:"dns_sec"`
	// DNSAnchors is the absolute path of a file with the root's DS records that
	// DNSSEC begins with, or "" for those that are built in.
	DNSAnchors string `koanf:"dns_anchors"`

	// AuthRule is what counts if several resolvers answer: the first answer,
	// the first grant, or only what all of them grant.
	AuthRule string `koanf:"auth_rule"`

	Log    Log    `koanf:"log"`
	Limits Limits `koanf:"limits"`

	origins map[string]Origin // by key; what is missing is at its default
}

// TLS is what wss:// is served with. Both are set or neither is.
type TLS struct {
	Certificate string `koanf:"certificate"` // absolute path of a PEM file: the certificate, then those up to its root
	Key         string `koanf:"key"`         // absolute path of a PEM file
}

// Log is what the daemon's log tells and how it looks.
type Log struct {
	Level  string `koanf:"level"`  // trace, debug, info, warn, error or off
	Format string `koanf:"format"` // text, json, or auto: text on a terminal, otherwise json
}

// Limits bound what clients can make the daemon spend.
type Limits struct {
	MaxConnections           int `koanf:"max_connections"`             // clients at once
	MaxConnectionsPerAddress int `koanf:"max_connections_per_address"` // clients at once from one IP address
	MaxOpenChains            int `koanf:"max_open_chains"`             // chains in memory at once

	MaxCompactions         int `koanf:"max_compactions"`           // chains compacted at once
	CompactionMiBPerSecond int `koanf:"compaction_mib_per_second"` // read by all compactions together

	HandshakeTimeout time.Duration `koanf:"handshake_timeout"`  // from accepting a connection until its chain is open
	IdleChainTimeout time.Duration `koanf:"idle_chain_timeout"` // how long a chain without clients stays in memory
	ShutdownTimeout  time.Duration `koanf:"shutdown_timeout"`   // from the signal to stop until everything is cut off
	TombstoneTime    time.Duration `koanf:"tombstone_time"`     // how long it stays known at least that an object ended
	StrategyPatience time.Duration `koanf:"strategy_patience"`  // how long a compaction strategy may keep a compaction waiting
}

// Block names a plugin and holds its own part of the configuration.
type Block struct {
	Name   string
	Config []byte // a JSON object, as the operator wrote it; only the plugin knows what it means
}

// Plugin says more about one plugin's program.
type Plugin struct {
	Kind   string // storage, auth, trust or compaction
	Name   string
	Path   string // absolute, or "" to look in PluginDirs
	SHA256 string // 64 hexadecimal digits, or "" for any
}
