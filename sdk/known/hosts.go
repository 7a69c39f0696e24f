package known

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/keys"
)

// maxHosts bounds the file of known servers, in bytes; a line with a signing
// key takes less than 3,000.
const maxHosts = 4 << 20

// hostsText is the file of known servers: its lines, and what they say.
type hostsText struct {
	path  string
	lines []string
	hosts map[string]hostLine
}

type hostLine struct {
	Host
	at int // index in lines
}

// Lookup implements [Hosts]. A file with a line that is not of the form is a
// bad_config fault that names file and line.
func (d Folder) Lookup(host string) (Host, bool, error) {
	name, err := checkAddress(host)
	if err != nil {
		return Host{}, false, err
	}
	text, err := d.hosts()
	if err != nil {
		return Host{}, false, err
	}
	h, ok := text.hosts[name]
	return h.Host, ok, nil
}

// Pin implements [Hosts]. It is durable when it returns.
func (d Folder) Pin(host Host) error {
	host, err := host.checked()
	if err != nil {
		return err
	}
	unlock, err := d.lock()
	if err != nil {
		return err
	}
	defer unlock()
	text, err := d.hosts()
	if err != nil {
		return err
	}
	if before, ok := text.hosts[host.Name]; ok {
		remedy := fmt.Sprintf("if that is right, remove line %d of %s", before.at+1, text.path)
		if host, err = before.join(host, remedy); err != nil || host.same(before.Host) {
			return err
		}
		text.lines[before.at] = host.line()
	} else {
		text.lines = append(text.lines, host.line())
	}
	raw := strings.Join(text.lines, "\n") + "\n"
	if len(raw) > maxHosts {
		return fault.New(fault.TooLarge, "%s would have %d bytes; at most %d are allowed; remove servers from it", text.path, len(raw), maxHosts)
	}
	return d.write(text.path, []byte(raw))
}

func (d Folder) hosts() (hostsText, error) {
	path := d.path(hostsFile)
	raw, _, err := d.read(path, maxHosts)
	if err != nil {
		return hostsText{}, err
	}
	return parseHosts(path, string(raw))
}

// parseHosts parses the file of known servers, which is bounded.
func parseHosts(path, raw string) (hostsText, error) {
	text := hostsText{path: path, hosts: make(map[string]hostLine)}
	if raw == "" {
		return text, nil
	}
	text.lines = strings.Split(strings.TrimSuffix(raw, "\n"), "\n")
	for i, line := range text.lines {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		host, err := parseHost(fields)
		if err != nil {
			return hostsText{}, fault.New(fault.BadConfig, "line %d of %s does not describe a server: %s; correct or remove it", i+1, path, fault.From(err).Reason)
		}
		if before, ok := text.hosts[host.Name]; ok {
			return hostsText{}, fault.New(fault.BadConfig, "lines %d and %d of %s both describe %s; remove the wrong one", before.at+1, i+1, path, host.Name)
		}
		text.hosts[host.Name] = hostLine{host, i}
	}
	return text, nil
}

func parseHost(fields []string) (Host, error) {
	if len(fields) != 3 && len(fields) != 4 {
		return Host{}, fault.New(fault.BadConfig, "it has %d fields instead of 3 or 4", len(fields))
	}
	host := Host{Name: fields[0]}
	var err error
	if host.Fingerprint, err = identity.ParseFingerprint(fields[1]); err != nil {
		return Host{}, err
	}
	if host.MinEncryption, err = strconv.Atoi(fields[2]); err != nil {
		return Host{}, fault.New(fault.BadConfig, "its encryption is %.100q instead of 0, 128, 192 or 256", fields[2])
	}
	if len(fields) == 4 {
		if host.SigningKey, err = keys.ParsePublicKeyText(fields[3]); err != nil {
			return Host{}, err
		}
	}
	return host.checked()
}

// line returns the host as a line of the file.
func (h Host) line() string {
	line := h.Name + " " + h.Fingerprint.String() + " " + strconv.Itoa(h.MinEncryption)
	if !h.SigningKey.IsZero() {
		line += " " + h.SigningKey.Text()
	}
	return line
}
