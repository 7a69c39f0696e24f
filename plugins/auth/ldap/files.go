package ldap

import (
	"crypto/x509"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

// checkFiles reports whether the files that the configuration names can be used.
func (s *server) checkFiles() error {
	if _, err := s.password(); err != nil {
		return err
	}
	_, err := s.roots()
	return err
}

// password returns what to log in with, or "" to ask as nobody. Its errors never
// hold what is in the file.
func (s *server) password() (string, error) {
	if s.passwordFile == "" {
		return "", nil
	}
	text, mode, err := readFile("bind_password_file", s.passwordFile, maxPassword)
	if err != nil {
		return "", err
	}
	if mode.Perm()&^0o600 != 0 {
		return "", fault.New(fault.BadConfig, "the bind_password_file %s has mode %#o, so that others may read the password; chmod 600 it", s.passwordFile, mode.Perm())
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	switch {
	case password == "": // which servers take for a login as nobody, RFC 4513, 5.1.2
		return "", fault.New(fault.BadConfig, "the bind_password_file %s is empty; write the password into it", s.passwordFile)
	case strings.ContainsAny(password, "\r\n\x00"):
		return "", fault.New(fault.BadConfig, "the bind_password_file %s has more than one line; write the password and nothing else", s.passwordFile)
	}
	return password, nil
}

// roots returns the certificates to trust, or nil for the system's.
func (s *server) roots() (*x509.CertPool, error) {
	if s.ca == "" {
		return nil, nil
	}
	text, _, err := readFile("ca", s.ca, maxCA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fault.New(fault.BadConfig, "the ca file %s has no certificate in PEM form", s.ca)
	}
	return pool, nil
}

// readFile reads a regular file of at most limit bytes.
func readFile(key, path string, limit int64) ([]byte, fs.FileMode, error) {
	// A pipe would block when it is opened, so this comes before.
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, 0, fault.New(fault.BadConfig, "the %s %s is not a regular file", key, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, fault.New(fault.BadConfig, "reading the %s: %w", key, err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, 0, fault.New(fault.BadConfig, "reading the %s: %w", key, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, 0, fault.New(fault.BadConfig, "reading the %s: %w", key, err)
	case int64(len(text)) > limit:
		return nil, 0, fault.New(fault.BadConfig, "the %s %s is larger than %d bytes", key, path, limit)
	}
	return text, info.Mode(), nil
}
