package server

import (
	"crypto/tls"

	"github.com/atedb/atedb/core/config"
	"github.com/atedb/atedb/sdk/fault"
)

// tlsConfig returns what wss:// is served with, nil if the operator gave no
// certificate.
func tlsConfig(c config.TLS) (*tls.Config, error) {
	if c.Certificate == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return nil, fault.New(fault.BadConfig, "the certificate %s and key %s of tls cannot be used: %w", c.Certificate, c.Key, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}, nil
}
