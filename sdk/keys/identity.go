package keys

import (
	"strings"

	"github.com/atedb/atedb/sdk/fault"
)

// MaxName is the largest size of an identity's name, in bytes.
const MaxName = 64

// Identity is somebody's secret keys under a name. The keys print as [secret].
type Identity struct {
	Name    string
	Signing *SigningKey
	Read    *ReadKey
}

// NewIdentity makes both keys from the system's randomness.
func NewIdentity(name string) (*Identity, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	return &Identity{Name: name, Signing: NewSigningKey(), Read: NewReadKey()}, nil
}

// Public returns the public halves under the same name.
func (id *Identity) Public() PublicIdentity {
	return PublicIdentity{Name: id.Name, Signing: id.Signing.Public(), Read: id.Read.Public()}
}

// PublicIdentity is what to give to others: both public keys under a name. The
// name is a label, and proves nothing; compare the keys' ids.
type PublicIdentity struct {
	Name    string
	Signing PublicKey
	Read    ReadPublicKey
}

// Text returns the identity as one line, without a line break.
func (id PublicIdentity) Text() string {
	return identityScheme + textVersion + id.Name + ":" +
		base64URL.EncodeToString(id.Signing.encoded) + ":" + base64URL.EncodeToString(id.Read.encoded)
}

// String returns the name and the id of the signing key.
func (id PublicIdentity) String() string { return id.Name + " " + id.Signing.String() }

// ParsePublicIdentity parses what Text returns.
func ParsePublicIdentity(text string) (PublicIdentity, error) {
	body, err := cutScheme(text, identityScheme)
	if err != nil {
		return PublicIdentity{}, err
	}
	parts := strings.Split(body, ":")
	if len(parts) != 3 {
		return PublicIdentity{}, fault.New(fault.BadRequest, "a public identity has %d parts after its version; a name and two keys are needed", len(parts))
	}
	id := PublicIdentity{Name: parts[0]}
	if err := CheckName(id.Name); err != nil {
		return PublicIdentity{}, err
	}
	signing, err := decodeBase64(parts[1], "public signing key")
	if err != nil {
		return PublicIdentity{}, err
	}
	read, err := decodeBase64(parts[2], "public read key")
	if err != nil {
		return PublicIdentity{}, err
	}
	if id.Signing, err = ParsePublicKey(signing); err != nil {
		return PublicIdentity{}, err
	}
	if id.Read, err = ParseReadPublicKey(read); err != nil {
		return PublicIdentity{}, err
	}
	return id, nil
}

// CheckName returns what is wrong with an identity's name, which is also a
// file's: 1 to MaxName small letters, digits and "." "_" "-" "@", of which the
// first is a letter or digit.
func CheckName(name string) error {
	if len(name) == 0 || len(name) > MaxName {
		return fault.New(fault.BadRequest, "a key's name has %d characters; 1 to %d are allowed", len(name), MaxName)
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case i > 0 && strings.IndexByte("._-@", c) >= 0:
		default:
			return fault.New(fault.BadRequest, "the key's name %q has a character that is not allowed at %d; use small letters, digits and . _ - @, and begin with a letter or digit", name, i+1)
		}
	}
	return nil
}
