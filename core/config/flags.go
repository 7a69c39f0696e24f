package config

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/atedb/atedb/sdk/chainname"
)

// standardCompaction is the strategy that the --compact-* flags configure.
const standardCompaction = "standard"

// applyFunc sets something from its text.
type applyFunc func(l *loader, text string, from Origin) error

// shortForms are the flags, and the variables that do the same, in the order
// in which they apply.
var shortForms = []struct {
	flag, env string
	apply     applyFunc
}{
	{"auth", "ATEDB_AUTH", setAuth},
	{"no-auth", "", setKey("no_auth")},
	{"trust", "ATEDB_TRUST", setTrust},
	{"", "ATEDB_STORAGE", setStorage},
	{"wire-encryption", "", setKey("wire_encryption")},
	{"no-wire-encryption", "", setNoWireEncryption},
	{"dns-server", "", setKey("dns_server")},
	{"dns-sec", "", setKey("dns_sec")},
	{"listen", "", setListenIP},
	{"port", "", setListenPort},
	{"logs-path", "", setKey("logs_path")},
	{"compact-mode", "ATEDB_COMPACT_MODE", setCompactMode},
	{"compact-threshold-factor", "ATEDB_COMPACT_THRESHOLD_FACTOR", setCompactNumber("factor")},
	{"compact-threshold-size", "ATEDB_COMPACT_THRESHOLD_SIZE", setCompactNumber("size")},
	{"compact-timer", "ATEDB_COMPACT_TIMER", setCompactNumber("timer")},
	{"debug", "", setDebug},
	{"verbose", "", setVerbose},
}

// FlagNames returns the flags that [Sources].Flags may hold.
func FlagNames() []string {
	var out []string
	for _, s := range shortForms {
		if s.flag != "" {
			out = append(out, s.flag)
		}
	}
	return out
}

// loadFlags takes over the command line's flags.
func (l *loader) loadFlags(flags map[string]string) error {
	for name := range flags {
		if !slices.Contains(FlagNames(), name) {
			return Origin{Layer: FromFlag, Name: name}.bad("this is not a setting's flag")
		}
	}
	for _, pair := range [][2]string{{"auth", "no-auth"}, {"wire-encryption", "no-wire-encryption"}} {
		if err := contradictions(flags, FromFlag, pair[0], pair[1]); err != nil {
			return err
		}
	}
	for _, s := range shortForms {
		text, given := flags[s.flag]
		if !given {
			continue
		}
		if err := s.apply(l, text, Origin{Layer: FromFlag, Name: s.flag}); err != nil {
			return err
		}
	}
	return nil
}

// contradictions refuses two settings of one layer that say the same thing
// differently. Saying no to one of them is not a contradiction.
func contradictions(given map[string]string, layer Layer, a, b string) error {
	no, err := strconv.ParseBool(given[b])
	if given[a] == "" || given[b] == "" || (err == nil && !no) {
		return nil
	}
	first, second := Origin{Layer: layer, Name: a}, Origin{Layer: layer, Name: b}
	return first.bad("this and %s contradict each other; give one of them", second.place())
}

// setKey sets a key that is not a block.
func setKey(key string) applyFunc {
	return func(l *loader, text string, from Origin) error {
		v, err := parseText(text, types[key])
		if err != nil {
			return from.bad("%s %w", key, err)
		}
		l.put(key, v, from)
		return nil
	}
}

func ateAuth(url string) Block {
	config, _ := encode(map[string]string{"url": url}) // a map of texts always encodes
	return Block{"ate", config}
}

func setAuth(l *loader, url string, from Origin) error {
	if url == "" {
		return from.bad("must be the URL of an authentication server, such as %s", DefaultAuthURL)
	}
	l.put("auth", []Block{ateAuth(url)}, from)
	l.put("no_auth", false, from)
	return nil
}

func setNoWireEncryption(l *loader, text string, from Origin) error {
	off, err := strconv.ParseBool(text)
	if err != nil {
		return from.bad("must be true or false, not %q", text)
	}
	if off {
		l.put("wire_encryption", WireEncryption(0), from)
	}
	return nil
}

func setTrust(l *loader, mode string, from Origin) error {
	if !slices.Contains(trustModes, mode) {
		return from.bad("the trust mode must be %s, not %q", list(trustModes), mode)
	}
	return setPlugin(l, KindTrust, mode, from)
}

func setStorage(l *loader, name string, from Origin) error {
	return setPlugin(l, KindStorage, name, from)
}

// setPlugin chooses a plugin by its name and keeps the block of the file if it
// is about the same plugin.
func setPlugin(l *loader, kind, name string, from Origin) error {
	block, _ := l.values[kind].(Block)
	if block.Name == name {
		l.origins[kind] = from
		return nil
	}
	l.put(kind, Block{name, []byte(`{}`)}, from)
	return nil
}

// setDebug has debugging information written for people to read.
func setDebug(l *loader, text string, from Origin) error {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return from.bad("must be true or false, not %q", text)
	}
	if on {
		l.put("log.level", "debug", from)
		l.put("log.format", "text", from)
	}
	return nil
}

// setVerbose raises the log's level once for each time the flag was given.
func setVerbose(l *loader, times string, from Origin) error {
	n, err := strconv.Atoi(times)
	switch {
	case err != nil || n < 0:
		return from.bad("must be a number of times, not %q", times)
	case n == 1:
		l.put("log.level", "debug", from)
	case n > 1:
		l.put("log.level", "trace", from)
	}
	return nil
}

func setListenIP(l *loader, ip string, from Origin) error {
	addr, err := netip.ParseAddr(strings.Trim(ip, "[]"))
	if err != nil {
		return from.bad("must be an IP address, such as 127.0.0.1 or ::, not %q; the port is given by --port", ip)
	}
	_, port := l.listen()
	l.put("listen", net.JoinHostPort(addr.String(), port), from)
	return nil
}

func setListenPort(l *loader, port string, from Origin) error {
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return from.bad("must be a port, 0 to 65535, not %q", port)
	}
	host, _ := l.listen()
	l.put("listen", net.JoinHostPort(host, port), from)
	return nil
}

// listen returns host and port as the layers before the flags have them.
func (l *loader) listen() (host, port string) {
	text, _ := l.values["listen"].(string)
	host, port, err := net.SplitHostPort(text)
	if err != nil { // of a file, whose error Validate reports if no flag replaces it
		return "::", chainname.DefaultPort
	}
	return host, port
}

func setCompactMode(l *loader, mode string, from Origin) error {
	if !slices.Contains(compactModes, mode) {
		return from.bad("the compaction mode must be %s, not %q", list(compactModes), mode)
	}
	if mode == "growth-or-timer" {
		mode = "factor-or-timer"
	}
	return l.setCompact("mode", mode, from)
}

// setCompactNumber sets a key of the standard strategy to a number, or to text
// with a unit, which the plugin understands in their place.
func setCompactNumber(key string) applyFunc {
	return func(l *loader, text string, from Origin) error {
		if n := json.Number(text); json.Valid([]byte(text)) {
			if f, err := n.Float64(); err == nil && f >= 0 {
				return l.setCompact(key, n, from)
			}
		}
		return from.bad("must be a number that is not negative, not %q", text)
	}
}

// setCompact sets a key of the standard strategy, which is added if the file
// names only others.
func (l *loader) setCompact(key string, v any, from Origin) error {
	blocks, _ := l.values["compaction"].([]Block)
	i := slices.IndexFunc(blocks, func(b Block) bool { return b.Name == standardCompaction })
	if i < 0 {
		i = len(blocks)
		blocks = append(slices.Clip(blocks), Block{standardCompaction, []byte(`{}`)})
	}
	var own map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(blocks[i].Config)))
	decoder.UseNumber()
	if err := decoder.Decode(&own); err != nil {
		return fmt.Errorf("reading the compaction block: %w", err)
	}
	own[key] = v
	config, err := encode(own)
	if err != nil {
		return fmt.Errorf("writing the compaction block: %w", err)
	}
	blocks = slices.Clone(blocks)
	blocks[i].Config = config
	l.values["compaction"] = blocks
	l.origins["compaction."+standardCompaction+"."+key] = from
	return nil
}
