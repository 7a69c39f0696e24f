// Package certificate is what wss:// is served with: a certificate that may be
// replaced by a renewed one while clients come.
package certificate

import (
	"crypto/tls"
	"sync/atomic"

	"github.com/atedb/atedb/sdk/fault"
)

// Load reads a certificate and its key, each from a PEM file: none if no paths are
// given. Files that are of no use are a bad_config fault.
func Load(certificate, key string) (*tls.Certificate, error) {
	if certificate == "" && key == "" {
		return nil, nil
	}
	loaded, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "the TLS certificate %q and its key %q cannot be used: %w; give two PEM files that belong together", certificate, key, err)
	}
	return &loaded, nil
}

// Config returns what wss:// is served with: whatever certificate there is when a
// client comes. If there is none now that is nothing.
func Config(current *atomic.Pointer[tls.Certificate]) *tls.Config {
	if current.Load() == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return current.Load(), nil },
	}
}
