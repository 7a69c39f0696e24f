package keyfile

import (
	"bytes"
	"strings"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
)

// MaxSize is the largest size of a key file, in bytes.
const MaxSize = 64 << 10

const (
	magic       = "ate-key-v"
	version     = "1"
	secretPlain = "plain"
	secretAge   = "age"
)

// File is a key file's content. It prints without its secret part.
type File struct {
	Public    keys.PublicIdentity
	Encrypted bool // with a passphrase
	secret    func() string
}

// String returns the public identity's name and id.
func (f *File) String() string { return f.Public.String() }

// New returns the file of an identity, encrypted unless the passphrase is
// empty. That takes about half a second and 128 MiB.
func New(id *keys.Identity, passphrase string) (*File, error) {
	return newFile(id, passphrase, workFactor)
}

func newFile(id *keys.Identity, passphrase string, workFactor int) (*File, error) {
	if err := keys.CheckName(id.Name); err != nil {
		return nil, err
	}
	if !id.Signing.Public().QuantumResistant() {
		return nil, fault.New(fault.Unsupported, "the key %q is of Ed25519 alone, which is not quantum-resistant and has no key file; keep it where it comes from", id.Name)
	}
	secret, err := encodeSecret(id, passphrase, workFactor)
	if err != nil {
		return nil, err
	}
	return &File{Public: id.Public(), Encrypted: passphrase != "", secret: func() string { return secret }}, nil
}

// Encode returns the file's bytes, which are as secret as the keys unless they
// are encrypted.
func (f *File) Encode() []byte {
	form := secretPlain
	if f.Encrypted {
		form = secretAge
	}
	var b bytes.Buffer
	for _, line := range []string{
		magic + version,
		"signing: " + f.Public.Signing.String(),
		"reading: " + f.Public.Read.String(),
		"public: " + f.Public.Text(),
		"secret: " + form,
	} {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	b.WriteString(f.secret())
	return b.Bytes()
}

// Parse parses a file. What it says in clear is checked against itself; the
// secret part is checked when it is opened.
//
// Bytes that are no key file, or a damaged one, are a fault with code damaged;
// a file of another version is one with code not_supported.
func Parse(raw []byte) (*File, error) {
	if len(raw) > MaxSize {
		return nil, fault.New(fault.TooLarge, "a key file has %d bytes; at most %d are allowed", len(raw), MaxSize)
	}
	lines := lineReader{rest: string(raw)}
	found := lines.next(magic)
	if lines.failed == "" && found != version {
		return nil, fault.New(fault.Unsupported, "a key file is of another version than %s; a newer release may read it", version)
	}
	signing, reading := lines.next("signing: "), lines.next("reading: ")
	public, form := lines.next("public: "), lines.next("secret: ")
	if lines.failed != "" {
		return nil, fault.New(fault.Damaged, "a key file has no line that begins with %q where it should; it is damaged, or no key file", lines.failed)
	}
	id, err := keys.ParsePublicIdentity(public)
	if err != nil {
		return nil, fault.New(fault.Damaged, "a key file's public line is damaged: %s", fault.From(err).Reason)
	}
	if signing != id.Signing.String() || reading != id.Read.String() {
		return nil, fault.New(fault.Damaged, "a key file is damaged: its public line does not have the ids that stand above it")
	}
	if form != secretPlain && form != secretAge {
		return nil, fault.New(fault.Damaged, "a key file's secret part is neither %s nor %s", secretPlain, secretAge)
	}
	return &File{Public: id, Encrypted: form == secretAge, secret: func() string { return lines.rest }}, nil
}

// lineReader cuts lines with expected beginnings.
type lineReader struct {
	rest   string
	failed string // the first beginning that was not there
}

func (r *lineReader) next(beginning string) string {
	line, rest, ended := strings.Cut(r.rest, "\n")
	body, ok := strings.CutPrefix(line, beginning)
	if r.failed == "" && (!ok || !ended) {
		r.failed = beginning
	}
	r.rest = rest
	return body
}
