package config

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atedb/atedb/sdk/chainname"
)

// DefaultAuthURL is the authentication server that is asked unless the
// operator names another.
const DefaultAuthURL = "ws://tokera.sh/auth"

// Where things are on a machine that AteDB was installed on by a package.
const (
	systemLogsPath  = "/opt/ate"
	systemPluginDir = "/usr/lib/atedb/plugins"
	systemRunDir    = "/run"
)

// Default returns the settings of a daemon that was told nothing. Its paths
// depend on the machine and on who asks.
func Default() *Config {
	return &Config{
		Listen:         "[::]:" + chainname.DefaultPort,
		LogsPath:       FolderOfSystemOrHome(systemLogsPath, "ate"),
		RuntimeDir:     defaultRuntimeDir(),
		WireEncryption: 128,
		Auth:           []Block{ateAuth(DefaultAuthURL)},
		Trust:          Block{TrustCentralized, []byte(`{}`)},
		Storage:        Block{"file", []byte(`{}`)},
		Compaction: []Block{{standardCompaction, []byte(
			`{"factor":0.4,"mode":"factor-or-timer","size":"100MiB","timer":"1h"}`)}},
		MayEndLive: []string{},
		PluginDirs: defaultPluginDirs(),
		AuthRule:   AuthFirstAnswer,
		DNSServer:  "8.8.8.8",
		Log:        Log{Level: "info", Format: "auto"},
		Limits: Limits{
			MaxConnections:           32768,
			MaxConnectionsPerAddress: 16384,
			MaxOpenChains:            16384,
			MaxCompactions:           1,
			CompactionMiBPerSecond:   200,
			TombstoneTime:            7 * 24 * time.Hour,
			StrategyPatience:         time.Minute,
			HandshakeTimeout:         5 * time.Second,
			IdleChainTimeout:         time.Minute,
			ShutdownTimeout:          10 * time.Second,
		},
	}
}

// FolderOfSystemOrHome returns the absolute path of a folder of the system's when
// it exists or can be made, otherwise of one in the home folder.
func FolderOfSystemOrHome(system, inHome string) string {
	info, err := os.Stat(system)
	exists := err == nil && info.IsDir()
	canBeMade := os.IsNotExist(err) && unix.Access(filepath.Dir(system), unix.W_OK) == nil
	home, err := os.UserHomeDir()
	if exists || canBeMade || err != nil {
		return system
	}
	return filepath.Join(home, inHome)
}

// defaultRuntimeDir is a folder that nobody else can write to and that no
// cleaner of temporary files visits, if the machine has one.
func defaultRuntimeDir() string {
	if dir := os.Getenv("RUNTIME_DIRECTORY"); filepath.IsAbs(dir) { // set by systemd
		return dir
	}
	if unix.Access(systemRunDir, unix.W_OK) == nil {
		return filepath.Join(systemRunDir, "atedb")
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "atedb")
	}
	return filepath.Join(os.TempDir(), "atedb-"+strconv.Itoa(os.Getuid()))
}

// defaultPluginDirs are the folder of the daemon's program and the system's.
func defaultPluginDirs() []string {
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	if err != nil {
		return []string{systemPluginDir}
	}
	return []string{filepath.Dir(program), systemPluginDir}
}
