package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
)

// seeds are what the tests' identity is made of.
func seeds() []byte { return bytes.Repeat([]byte{7}, seedsSize) }

func fixed(t testing.TB) *Private {
	t.Helper()
	p, err := fromSeeds(seeds())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The fingerprint is what the package comment says, written out, and stays so.
func TestFingerprintIsTheSpecifiedOne(t *testing.T) {
	p := fixed(t).Public()
	h := sha256.New()
	h.Write([]byte("AteDB server identity v1\x00"))
	for _, key := range [][]byte{p.XWing, p.MLKEM1024P384, p.Signing} {
		sum := sha256.Sum256(key)
		h.Write(sum[:])
	}
	const pinned = "SHA256:ajPtgKG9BpTkyjVoJkm5/Q2MGf1HPDndBD9dopBQNlg"
	if got := p.Fingerprint(); !bytes.Equal(got[:], h.Sum(nil)) || got.String() != pinned {
		t.Errorf("%s, want %s", got, pinned)
	}
}

func TestFingerprintText(t *testing.T) {
	f := fixed(t).Public().Fingerprint()
	if back, err := ParseFingerprint(f.String()); err != nil || back != f {
		t.Errorf("%s came back as %s: %v", f, back, err)
	}
	text := f.String()
	for _, bad := range []string{
		"", "SHA256:", text[1:], text[:len(text)-1], text + "A", text + "=", "sha256:" + text[7:],
		text[:len(text)-1] + "B", // bits that no fingerprint has
		text[:20] + "\n" + text[21:], hex.EncodeToString(f[:]), strings.Repeat("x", 5000),
	} {
		if got, err := ParseFingerprint(bad); !fault.Is(err, fault.BadRequest) {
			t.Errorf("%.60q is %s: %v", bad, got, err)
		} else if len(err.Error()) > 400 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
}

func TestPublicRoundTrip(t *testing.T) {
	p := fixed(t).Public()
	b := p.Encode()
	back, err := Parse(b)
	if err != nil || !bytes.Equal(back.Encode(), b) || back.Fingerprint() != p.Fingerprint() {
		t.Errorf("%v", err)
	}
	b[0] = 2
	if _, err := Parse(b); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a future version: %v", err)
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "no signing key": p.Encode()[:2882], "oversize": append(p.Encode(), make([]byte, MaxSigning)...),
	} {
		if _, err := Parse(bad); !fault.Is(err, fault.BadMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Attack: a server shows its own encryption key, and discloses what belongs to
// another. The fingerprint is never the other's.
func TestDisclosureOfAnother(t *testing.T) {
	mine, err := New()
	if err != nil {
		t.Fatal(err)
	}
	own, other := mine.Public(), fixed(t).Public()
	for _, kem := range []pqnoise.KEM{pqnoise.XWing, pqnoise.MLKEM1024P384} {
		d, err := ParseDisclosure(kem, fixed(t).Key(kem).Public(), other.Disclose(kem))
		if err != nil || d.Fingerprint != other.Fingerprint() || !bytes.Equal(d.Signing, other.Signing) {
			t.Errorf("%s: the honest disclosure: %v", kem, err)
		}
		if d, err = ParseDisclosure(kem, mine.Key(kem).Public(), other.Disclose(kem)); err == nil && d.Fingerprint == other.Fingerprint() {
			t.Errorf("%s: passed for the other", kem)
		}
		stolen := own
		stolen.Signing = other.Signing
		if d, err = ParseDisclosure(kem, mine.Key(kem).Public(), stolen.Disclose(kem)); err != nil || d.Fingerprint == own.Fingerprint() || d.Fingerprint == other.Fingerprint() {
			t.Errorf("%s: with a stolen signing key: %v", kem, err)
		}
		wrong := pqnoise.XWing + pqnoise.MLKEM1024P384 - kem
		if d, err = ParseDisclosure(wrong, fixed(t).Key(kem).Public(), other.Disclose(kem)); err == nil && d.Fingerprint == other.Fingerprint() {
			t.Errorf("%s: shown as %s", kem, wrong)
		}
	}
	for _, bad := range [][]byte{nil, {1}, make([]byte, 34), append([]byte{1}, make([]byte, MaxDisclosure)...)} {
		if _, err := ParseDisclosure(pqnoise.XWing, own.XWing, bad); err == nil {
			t.Errorf("%d bytes are a disclosure", len(bad))
		}
	}
}

// The identity is the same after a restart, only its owner may read it, and it
// holds the three seeds.
func TestLoadOrCreate(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	first, err := LoadOrCreate(folder)
	if err != nil {
		t.Fatal(err)
	}
	second, err := LoadOrCreate(folder)
	if err != nil || first.Public().Fingerprint() != second.Public().Fingerprint() {
		t.Errorf("after a restart: %v", err)
	}
	info, err := os.Stat(filepath.Join(folder, FileName))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 169 {
		t.Errorf("%v, %v", info, err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	signature := first.Signing().Sign(keys.ForCheckpoint, []byte("head"))
	public, err := keys.ParsePublicKey(first.Public().Signing)
	if err != nil || !public.Verify(keys.ForCheckpoint, []byte("head"), signature) {
		t.Errorf("the signing key does not sign: %v", err)
	}
	other, err := LoadOrCreate(t.TempDir())
	if err != nil || other.Public().Fingerprint() == first.Public().Fingerprint() {
		t.Errorf("two servers are the same: %v", err)
	}
}

// Attack: two processes start for the first time at once.
func TestCreatedAtOnce(t *testing.T) {
	folder := t.TempDir()
	var wg sync.WaitGroup
	var fingerprints [16]Fingerprint
	for i := range fingerprints {
		wg.Go(func() {
			p, err := LoadOrCreate(folder)
			if err != nil {
				t.Error(err)
				return
			}
			fingerprints[i] = p.Public().Fingerprint()
		})
	}
	wg.Wait()
	for _, f := range fingerprints {
		if f != fingerprints[0] {
			t.Fatal("the processes have different identities")
		}
	}
}

func TestFileRefused(t *testing.T) {
	good := encodeFile()
	for name, test := range map[string]struct {
		change func([]byte) []byte
		mode   os.FileMode
		code   fault.Code
	}{
		"readable by the group":   {func(b []byte) []byte { return b }, 0o640, fault.BadConfig},
		"readable by the world":   {func(b []byte) []byte { return b }, 0o604, fault.BadConfig},
		"writable by the group":   {func(b []byte) []byte { return b }, 0o620, fault.BadConfig},
		"empty":                   {func([]byte) []byte { return nil }, 0o600, fault.Damaged},
		"another file":            {func([]byte) []byte { return []byte("# a configuration\n") }, 0o600, fault.Damaged},
		"cut":                     {func(b []byte) []byte { return b[:len(b)-1] }, 0o600, fault.Damaged},
		"longer":                  {func(b []byte) []byte { return append(b, 0) }, 0o600, fault.Damaged},
		"a flipped bit in a seed": {func(b []byte) []byte { b[50] ^= 1; return b }, 0o600, fault.Damaged},
		"a future version":        {func(b []byte) []byte { b[8] = 2; return b }, 0o600, fault.Unsupported},
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, FileName)
		b := test.change(bytes.Clone(good))
		if err := os.WriteFile(path, b, test.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		p, err := LoadOrCreate(folder)
		if p != nil || !fault.Is(err, test.code) {
			t.Errorf("%s: %v, want %s", name, err, test.code)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, b) {
			t.Errorf("%s: the file was changed", name)
		}
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, FileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreate(folder); !fault.Is(err, fault.BadConfig) {
		t.Errorf("a folder in its place: %v", err)
	}
}

// Nothing that is printed of an identity holds a seed.
func TestSecretsAreNotPrinted(t *testing.T) {
	p := fixed(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		if got := fmt.Sprintf(verb, p) + fmt.Sprintf(verb, *p); got != "[secret][secret]" {
			t.Errorf("%s: %s", verb, got)
		}
	}
	_, err := parseFile("f", append([]byte(magic+"\x01"), seeds()...))
	if err == nil || strings.Contains(err.Error(), string(seeds()[:4])) || strings.Contains(err.Error(), hex.EncodeToString(seeds()[:4])) {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	p := fixed(f).Public()
	f.Add(p.Encode())
	f.Add(p.Disclose(pqnoise.XWing))
	f.Add([]byte{1})
	f.Add([]byte(p.Fingerprint().String()))
	f.Add(encodeFile())
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := Parse(b); err == nil && (!bytes.Equal(p.Encode(), b) || len(b) > MaxPublic) {
			t.Error("a public identity does not round-trip")
		}
		if d, err := ParseDisclosure(pqnoise.XWing, p.XWing, b); err == nil && (len(b) > MaxDisclosure || d.Fingerprint.IsZero()) {
			t.Error("a disclosure that is too long")
		}
		if fp, err := ParseFingerprint(string(b)); err == nil && fp.String() != string(b) {
			t.Error("a fingerprint does not round-trip")
		}
		if _, err := parseFile("f", b); err == nil && len(b) != fileSize {
			t.Error("a file of another length")
		}
	})
}
