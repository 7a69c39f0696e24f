package main

import (
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/atedb/atedb/cmd/internal/logging"
	"github.com/atedb/atedb/core/authserver"
	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
)

// defaultPort is the TCP port of an authentication server.
const defaultPort = "5001"

// Where the accounts are unless somebody says otherwise.
const (
	systemLogsPath = "/opt/auth"
	homeLogsPath   = "auth"
)

const runHelp = `Runs an authentication server, at ws://host:5001/auth.

Accounts are kept in logs-path; the default is /opt/auth if it is there or can
be made, otherwise ~/auth. The server's identity is kept in key-path, the
default being ~/ate/auth, and made if there is none. SIGINT and SIGTERM stop the
server in an orderly way; another one, a second or more later, stops it at once.
SIGHUP has it read the files of --tls-certificate and --tls-key again.`

func newRun() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "run [logs-path] [key-path]",
		Short:   "Run an authentication server",
		Long:    runHelp,
		Example: "  auth-server run -l 127.0.0.1 -p 5555 ./auth ./key",
		Args:    takes(0, 2, "a logs-path and a key-path"),
		RunE:    run,
	}
	defaults := config.Default()
	f := cmd.Flags()
	f.StringP("listen", "l", "::", "IP `address` to listen on; :: is every one, IPv6 and IPv4")
	f.StringP("port", "p", defaultPort, "TCP `port` to listen on")
	f.String("wire-encryption", "", "`bits` of the wire's encryption, 128, 192 or 256 (default: 128, or what the identity was generated with)")
	f.Bool("no-wire-encryption", false, "switch wire encryption off")
	f.String("tls-certificate", "", "PEM `file` of a certificate, to speak wss:// too; SIGHUP has it read again")
	f.String("tls-key", "", "PEM `file` of the certificate's key")
	f.String("registration", "open", "`who` may register: open, or invite for those with a code of `auth-server invite`")
	f.StringSlice("domain", nil, "register users of this `domain` alone; may be given several times")
	f.StringSlice("plugin-dir", defaults.PluginDirs, "`folder` in which the storage plugin is looked for; may be given several times")
	f.String("runtime-dir", defaults.RuntimeDir, "`folder` of the storage plugin's sockets")
	f.String("storage", "file", "`plugin` that keeps the accounts: file, or memory for none to be kept")
	return cmd
}

func run(cmd *cobra.Command, args []string) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	s, err := newSettings(cmd)
	if err != nil {
		return err
	}
	if err := s.apply([2]string{"wire-encryption", "no-wire-encryption"}); err != nil {
		return err
	}
	logCfg, err := s.log()
	if err != nil {
		return err
	}
	cfg, keyPath, err := s.server(args)
	if err != nil {
		return err
	}
	least, err := leastEncryption(keyPath)
	if err != nil {
		return err
	}
	if cfg.WireEncryption, err = s.encryption(least); err != nil {
		return err
	}
	if cfg.Identity, err = identity.LoadOrCreate(keyPath); err != nil {
		return err
	}
	cfg.Hangups = hangups
	return authserver.Run(cmd.Context(), cfg, logging.New("auth-server", logCfg, os.Stderr))
}

// server returns what the server runs with, but for what depends on its
// identity, and where that is.
func (s *settings) server(args []string) (cfg authserver.Config, keyPath string, err error) {
	f := s.cmd.Flags()
	cfg.Storage, _ = f.GetString("storage")
	cfg.PluginDirs, _ = f.GetStringSlice("plugin-dir")
	cfg.RuntimeDir, _ = f.GetString("runtime-dir")
	cfg.Policy.Domains, _ = f.GetStringSlice("domain")
	if cfg.Listen, err = s.listen(); err != nil {
		return cfg, "", err
	}
	if cfg.Policy.ByInvite, err = s.byInvite(); err != nil {
		return cfg, "", err
	}
	if cfg.Certificate, cfg.Key, err = s.certificate(); err != nil {
		return cfg, "", err
	}
	for _, domain := range cfg.Policy.Domains {
		if domain == "" || domain != strings.ToLower(domain) || strings.ContainsAny(domain, "@/ ") {
			return cfg, "", s.bad("domain", "%q is not a domain; write it in small letters, such as example.com", domain)
		}
	}
	if cfg.LogsPath, err = filepath.Abs(s.path(args, 0, "logs-path", config.FolderOfSystemOrHome(systemLogsPath, homeLogsPath))); err != nil {
		return cfg, "", fault.New(fault.BadConfig, "finding logs-path: %w", err)
	}
	if cfg.RuntimeDir, err = filepath.Abs(cfg.RuntimeDir); err != nil {
		return cfg, "", fault.New(fault.BadConfig, "finding the folder for sockets: %w", err)
	}
	keyPath, err = s.keyPath(args, 1)
	return cfg, keyPath, err
}

// certificate returns the files of what wss:// is served with.
func (s *settings) certificate() (certificate, key string, err error) {
	for _, pair := range [][2]string{{"tls-certificate", "tls-key"}, {"tls-key", "tls-certificate"}} {
		if s.isSet(pair[0]) && !s.isSet(pair[1]) {
			return "", "", s.bad(pair[0], "this goes with --%s; give both or neither", pair[1])
		}
	}
	certificate, _ = s.cmd.Flags().GetString("tls-certificate")
	key, _ = s.cmd.Flags().GetString("tls-key")
	return certificate, key, nil
}

// keyPath returns the folder of the identity.
func (s *settings) keyPath(args []string, at int) (string, error) {
	home, err := os.UserHomeDir()
	path := s.path(args, at, "key-path", filepath.Join(home, "ate", "auth"))
	if home == "" && !filepath.IsAbs(path) {
		return "", fault.New(fault.BadConfig, "there is no home folder to keep the identity in; give a key-path: %w", err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", fault.New(fault.BadConfig, "finding key-path: %w", err)
	}
	return path, nil
}

func (s *settings) listen() (string, error) {
	ip, _ := s.cmd.Flags().GetString("listen")
	port, _ := s.cmd.Flags().GetString("port")
	addr, err := netip.ParseAddr(strings.Trim(ip, "[]"))
	if err != nil {
		return "", s.bad("listen", "must be an IP address, such as 127.0.0.1 or ::, not %q; the port is given by --port", ip)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", s.bad("port", "must be a port, 0 to 65535, not %q", port)
	}
	return net.JoinHostPort(addr.String(), port), nil
}

func (s *settings) byInvite() (bool, error) {
	switch who, _ := s.cmd.Flags().GetString("registration"); who {
	case "open":
		return false, nil
	case "invite":
		return true, nil
	default:
		return false, s.bad("registration", "must be open or invite, not %q", who)
	}
}

// encryption returns the level of the wire's encryption. An identity may demand
// a least one.
func (s *settings) encryption(least int) (int, error) {
	if off, _ := s.cmd.Flags().GetBool("no-wire-encryption"); off {
		if least > 0 {
			return 0, s.bad("no-wire-encryption", "the identity was generated for at least %d bit wire encryption", least)
		}
		return 0, nil
	}
	text, _ := s.cmd.Flags().GetString("wire-encryption")
	if text == "" {
		return max(defaultLevel, least), nil
	}
	level, err := parseLevel(text)
	if err != nil {
		return 0, s.bad("wire-encryption", "%w", err)
	}
	if level < least {
		return 0, s.bad("wire-encryption", "the identity was generated for at least %d bit wire encryption, and %d is less", least, level)
	}
	return level, nil
}

// log returns how much the log tells, and how.
func (s *settings) log() (config.Log, error) {
	cfg := config.Log{Level: "info", Format: "auto"}
	if level := config.RustLevel(os.Getenv("RUST_LOG")); level != "" {
		cfg.Level = level
	}
	if level := s.env["AUTH_SERVER_LOG"]; level != "" {
		if !slices.Contains([]string{"trace", "debug", "info", "warn", "error", "off"}, level) {
			return cfg, fault.New(fault.BadConfig, "AUTH_SERVER_LOG: must be trace, debug, info, warn, error or off, not %q", level)
		}
		cfg.Level = level
	}
	times, _ := s.cmd.Flags().GetCount("verbose")
	debug, _ := s.cmd.Flags().GetBool("debug")
	if debug {
		cfg.Level, cfg.Format = "debug", "text"
	}
	switch {
	case times == 1:
		cfg.Level = "debug"
	case times > 1:
		cfg.Level = "trace"
	}
	return cfg, nil
}
