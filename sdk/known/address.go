package known

import (
	"net"
	"strconv"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

// maxAddress is more than a DNS name and a port take, in bytes.
const maxAddress = 300

// checkAddress returns a host:port in small letters, with the port in its
// shortest form. It has no blanks and no characters that mean something in a
// file of lines.
func checkAddress(address string) (string, error) {
	if len(address) > maxAddress {
		return "", fault.New(fault.BadRequest, "a server's address has %d bytes; at most %d are allowed", len(address), maxAddress)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return "", fault.New(fault.BadRequest, "%q is not a server's address; write host:port", address)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", fault.New(fault.BadRequest, "the server's address %q has the port %q; it must be a number from 1 to 65535", address, port)
	}
	host = strings.ToLower(host)
	for i := range len(host) {
		c := host[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte(".-_:%", c) < 0 {
			return "", fault.New(fault.BadRequest, "the server's address %q has %q in it; letters, digits and . - _ : %% are allowed, and a name in other letters in its xn-- form", address, c)
		}
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}
