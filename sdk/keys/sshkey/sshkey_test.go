package sshkey

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// The files in testdata are keys that OpenSSH 9.2 made; the passphrase of those
// that are sealed is this one. They open nothing but these tests.
const passphrase = "open sesame"

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// A private key that OpenSSH made has the public key that OpenSSH says, and its
// proofs verify with that.
func TestPrivateAndPublic(t *testing.T) {
	for _, name := range []string{"plain", "sealed"} {
		f, err := Parse(read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		if f.Encrypted != (name == "sealed") {
			t.Errorf("%s is encrypted: %v", name, f.Encrypted)
		}
		key, err := f.Open(passphrase)
		if err != nil {
			t.Fatal(err)
		}
		public, comment, err := ParsePublic(strings.TrimSpace(string(read(t, name+".pub"))))
		if err != nil || comment != "joe@example" {
			t.Fatalf("%s: comment %q, %v", name, comment, err)
		}
		if public.ID() != key.Public().ID() || public.QuantumResistant() {
			t.Errorf("%s: the public key is %v, of the private one %v", name, public, key.Public())
		}
		if !public.Verify(keys.ForProof, []byte("message"), key.Sign(keys.ForProof, []byte("message"))) {
			t.Errorf("%s: a good signature does not verify", name)
		}
	}
}

// Wrong passphrases, other kinds of keys and other files are refused, each with
// its code and without a word of what stands in the file.
func TestBadPrivateKeys(t *testing.T) {
	sealed := func(given string) func() error {
		return func() error {
			f, err := Parse(read(t, "sealed"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Open(given)
			return err
		}
	}
	parse := func(raw []byte) func() error { return func() error { _, err := Parse(raw); return err } }
	plain := string(read(t, "plain"))
	for name, c := range map[string]struct {
		do   func() error
		code fault.Code
	}{
		"no passphrase":           {sealed(""), fault.BadPassphrase},
		"a wrong passphrase":      {sealed("close sesame"), fault.BadPassphrase},
		"an ECDSA key":            {parse(read(t, "ecdsa")), fault.Unsupported},
		"a sealed ECDSA key":      {parse(read(t, "ecdsa_sealed")), fault.Unsupported},
		"a public key":            {parse(read(t, "plain.pub")), fault.BadRequest},
		"nothing":                 {parse(nil), fault.BadRequest},
		"a file cut short":        {parse([]byte(plain[:200])), fault.BadRequest},
		"another secret half":     {parse([]byte(strings.Replace(plain, "Co1eMt", "Co1eMu", 1))), fault.BadRequest},
		"more than a key ever is": {parse(make([]byte, MaxFile+1)), fault.TooLarge},
	} {
		err := c.do()
		if !fault.Is(err, c.code) || strings.Contains(fmt.Sprint(err), "b3BlbnNz") {
			t.Errorf("%s: %v; want a %s fault", name, err, c.code)
		}
	}
}

// What is no plain line with an Ed25519 key is refused.
func TestBadPublicKeys(t *testing.T) {
	line := strings.TrimSpace(string(read(t, "plain.pub")))
	fields := strings.Fields(line)
	for name, c := range map[string]struct {
		line string
		code fault.Code
	}{
		"an RSA key":           {strings.TrimSpace(string(read(t, "rsa.pub"))), fault.Unsupported},
		"options":              {`from="10.0.0.1" ` + line, fault.Unsupported},
		"a restriction":        {"restrict " + line, fault.Unsupported},
		"a certificate's":      {"cert-authority " + line, fault.Unsupported},
		"two lines":            {line + "\n" + line, fault.BadRequest},
		"a line break":         {line + "\n", fault.BadRequest},
		"nothing":              {"", fault.BadRequest},
		"a comment":            {"# " + line, fault.BadRequest},
		"no key":               {"ssh-ed25519", fault.BadRequest},
		"a key cut short":      {fields[0] + " " + fields[1][:60], fault.BadRequest},
		"under another kind":   {"ssh-rsa " + fields[1], fault.BadRequest},
		"of small order":       {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", fault.BadRequest},
		"a page of HTML":       {"<!DOCTYPE html><html>", fault.BadRequest},
		"more than ever there": {line + strings.Repeat("x", MaxLine), fault.TooLarge},
	} {
		if _, _, err := ParsePublic(c.line); !fault.Is(err, c.code) {
			t.Errorf("%s: %v; want a %s fault", name, err, c.code)
		}
	}
	if _, comment, err := ParsePublic(fields[0] + " " + fields[1]); err != nil || comment != "" {
		t.Errorf("without a comment: %q, %v", comment, err)
	}
}

// Attack: the file of the key is one that others may read, or none.
func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "id_ed25519")
	if _, err := ReadFile(path); !fault.Is(err, fault.NotFound) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, read(t, "plain"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v %+v %#v", f, *f, f); strings.Contains(got, "OPENSSH") {
		t.Errorf("it prints %s", got)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(path); !fault.Is(err, fault.BadConfig) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if _, err := ReadFile(t.TempDir()); !fault.Is(err, fault.BadConfig) {
		t.Errorf("a folder: %v", err)
	}
}

func FuzzParsePublic(f *testing.F) {
	f.Add(strings.TrimSpace(string(read(f, "plain.pub"))))
	f.Add(strings.TrimSpace(string(read(f, "rsa.pub"))))
	f.Add(`restrict,from="a b" ssh-ed25519 AAAA x`)
	f.Fuzz(func(t *testing.T, line string) {
		key, _, err := ParsePublic(line)
		if (err == nil) == key.IsZero() {
			t.Errorf("%v, %v", key, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(read(f, "plain"))
	f.Add(read(f, "sealed"))
	f.Add(read(f, "ecdsa"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if parsed, err := Parse(raw); err == nil && !parsed.Encrypted {
			if _, err := parsed.Open(""); err != nil {
				t.Errorf("it parses and does not open: %v", err)
			}
		}
	})
}
