package certificate_test

import (
	"crypto/tls"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/atedb/atedb/core/certificate"
	"github.com/atedb/atedb/core/certificate/certificatetest"
	"github.com/atedb/atedb/sdk/fault"
)

// TestLoadSaysWhatIsWrong names both files, and what to do.
func TestLoadSaysWhatIsWrong(t *testing.T) {
	if c, err := certificate.Load("", ""); c != nil || err != nil {
		t.Errorf("without files: %v, %v", c, err)
	}
	write := func() (cert, key string) {
		t.Helper()
		folder := t.TempDir()
		if err := certificatetest.Write(folder); err != nil {
			t.Fatal(err)
		}
		return filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	}
	cert, key := write()
	_, otherKey := write()
	if c, err := certificate.Load(cert, key); c == nil || err != nil {
		t.Errorf("files that belong together: %v, %v", c, err)
	}
	for what, test := range map[string]struct{ cert, key, part string }{
		"files that are not there":           {cert + ".none", key, "no such file"},
		"another's key":                      {cert, otherKey, "does not match"},
		"the certificate in the key's place": {cert, cert, "PEM"},
		"no certificate":                     {"", key, "give two PEM files"},
		"no key":                             {cert, "", "give two PEM files"},
	} {
		_, err := certificate.Load(test.cert, test.key)
		if !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), test.part) || !strings.Contains(err.Error(), test.cert) || !strings.Contains(err.Error(), test.key) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestConfig: what was stored last is shown, to TLS 1.3 alone; where there is none,
// no TLS is offered.
func TestConfig(t *testing.T) {
	var current atomic.Pointer[tls.Certificate]
	if certificate.Config(&current) != nil {
		t.Error("TLS is offered without a certificate")
	}
	current.Store(new(tls.Certificate))
	config := certificate.Config(&current)
	next := new(tls.Certificate)
	current.Store(next)
	if got, err := config.GetCertificate(nil); got != next || err != nil || config.MinVersion != tls.VersionTLS13 {
		t.Errorf("shown is %p, %v; want %p", got, err, next)
	}
}
