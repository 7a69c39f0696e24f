package dns

import (
	"bufio"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

var loopback = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}

// local returns the addresses of a canonical name that needs no DNS; none if it
// does.
func (r *Resolver) local(name string) []netip.Addr {
	if isLocalhost(name) {
		return loopback
	}
	return hosts(r.hosts, name)
}

func hostsPath() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("SystemRoot"), "System32", "drivers", "etc", "hosts")
	}
	return "/etc/hosts"
}

// hosts returns the addresses of a canonical name in a hosts file: lines of an
// address and the names that it has, and comments after a '#'. A file that is
// not there has none, and lines that are not like this are passed over, as the
// system's own resolver does.
func hosts(path, name string) []netip.Addr {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	plain := strings.TrimSuffix(name, ".")
	var found []netip.Addr
	for lines := bufio.NewScanner(file); lines.Scan() && len(found) < maxRecords; {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		address, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		for _, alias := range fields[1:] {
			if strings.EqualFold(strings.TrimSuffix(alias, "."), plain) {
				found = append(found, address)
				break
			}
		}
	}
	return found
}
