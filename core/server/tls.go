package server

import (
	"crypto/tls"
	"sync/atomic"

	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/sdk/fault"
)

// loadCertificate returns what wss:// is served with, nil if the operator gave no
// certificate.
func loadCertificate(c config.TLS) (*tls.Certificate, error) {
	if c.Certificate == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "the certificate %s and key %s of tls cannot be used: %w", c.Certificate, c.Key, err)
	}
	return &certificate, nil
}

// tlsConfig returns what wss:// is served with: whatever certificate there is when a
// client comes. If there is none now that is nothing.
func tlsConfig(certificate *atomic.Pointer[tls.Certificate]) *tls.Config {
	if certificate.Load() == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate.Load(), nil },
	}
}
