package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/atedb/atedb/core/certificate/certificatetest"
	"github.com/atedb/atedb/sdk/account"
	"github.com/atedb/atedb/sdk/authserver"
	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/identity"
	"github.com/atedb/atedb/sdk/known"
)

// certified writes a certificate into a folder, and returns the flags with which a
// server shows it, and who trusts it.
func certified(t *testing.T, folder string) (flags []string, roots *x509.CertPool) {
	t.Helper()
	if err := certificatetest.Write(folder); err != nil {
		t.Fatal(err)
	}
	certificate, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	pem, err := os.ReadFile(certificate)
	roots = x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatal("there is no certificate", err)
	}
	return []string{"--tls-certificate", certificate, "--tls-key", key}, roots
}

// dialTLS connects by a scheme, trusting an authority's certificates.
func (s *server) dialTLS(t *testing.T, scheme string, roots *x509.CertPool) (*authserver.Client, error) {
	t.Helper()
	memory := new(known.Memory)
	c, err := authserver.Dial(t.Context(), scheme+"://"+s.address+authserver.Path, authserver.Options{
		TLS: &tls.Config{RootCAs: roots}, Hosts: memory, Heads: memory, Statements: memory, Cost: account.LeastCost,
		OnUnknownServer: func(string, identity.Fingerprint) bool { return true },
	})
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// TestWSS: a user is made and logs in over wss://, with and without wire encryption
// inside, by who trusts the certificate; ws:// goes on beside it.
func TestWSS(t *testing.T) {
	for _, encryption := range []string{"--no-wire-encryption", "--wire-encryption=192"} {
		t.Run(encryption, func(t *testing.T) {
			folder := t.TempDir()
			flags, roots := certified(t, folder)
			s := serve(t, folder, append(flags, encryption)...)
			c, err := s.dialTLS(t, "wss", roots)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.CreateUser(t.Context(), "joe@example.com", passphrase, ""); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Login(t.Context(), "joe@example.com", passphrase, nil); err != nil {
				t.Fatal(err)
			}
			_, others := certified(t, t.TempDir())
			if _, err := s.dialTLS(t, "wss", others); !fault.Is(err, fault.UnknownServer) || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("another authority's certificate: %v", err)
			}
			if c, err = s.dialTLS(t, "ws", nil); err != nil {
				t.Fatal(err)
			}
			if _, err := c.LookUser(t.Context(), "joe@example.com"); err != nil {
				t.Error(err)
			}
			old := &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12}
			if conn, err := tls.Dial("tcp", s.address, old); err == nil {
				conn.Close()
				t.Error("TLS 1.2 is spoken")
			}
			if err := s.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRenewedCertificate: SIGHUP has clients that come later shown the certificate
// that is in the files now, unless it is of no use; connections go on.
func TestRenewedCertificate(t *testing.T) {
	folder := t.TempDir()
	flags, before := certified(t, folder)
	s := serve(t, folder, flags...)
	connected, err := s.dialTLS(t, "wss", before)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "key.pem"), []byte("half a k"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.hangUp(t, "the certificate was not read again")
	if _, err := s.dialTLS(t, "wss", before); err != nil {
		t.Errorf("after a key that is none: %v", err)
	}
	_, after := certified(t, folder)
	s.hangUp(t, "certificate read again")
	if _, err := s.dialTLS(t, "wss", after); err != nil {
		t.Errorf("after a renewal: %v", err)
	}
	if _, err := s.dialTLS(t, "wss", before); err == nil {
		t.Error("the old certificate is still shown")
	}
	if _, err := connected.LookUser(t.Context(), "nobody@example.com"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a connection from before: %v", err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// TestHangUpWithoutCertificate: SIGHUP does not end a server that has nothing to
// read again.
func TestHangUpWithoutCertificate(t *testing.T) {
	s := serve(t, t.TempDir())
	s.hangUp(t, "there is no certificate to read again")
	if _, err := s.dialTLS(t, "wss", nil); err == nil {
		t.Error("wss:// is spoken without a certificate")
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// hangUp sends SIGHUP and waits for what the server logs of it.
func (s *server) hangUp(t *testing.T, want string) {
	t.Helper()
	s.cmd.Process.Signal(syscall.SIGHUP)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.log(), want); time.Sleep(5 * time.Millisecond) {
		select {
		case <-s.done:
			t.Fatalf("SIGHUP ended the server: %v", s.err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not say %q", want)
		}
	}
}
