package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/keys"
	"github.com/atedb/atedb/sdk/wire/pqnoise"
)

// The file's layout.
const (
	magic     = "ateident"
	seedsAt   = len(magic) + 1
	seedsSize = 2*pqnoise.SeedSize + keys.SigningSeedSize
	fileSize  = seedsAt + seedsSize + sha256.Size
)

// Private is a server's identity with its private keys. It may be used
// concurrently. It prints as [secret], with every verb.
type Private struct {
	public  Public
	xwing   *pqnoise.PrivateKey
	mlkem   *pqnoise.PrivateKey
	signing *keys.SigningKey
}

// New makes an identity that is kept nowhere.
func New() (*Private, error) {
	seeds := make([]byte, seedsSize)
	rand.Read(seeds)
	return fromSeeds(seeds)
}

func fromSeeds(seeds []byte) (*Private, error) {
	xwing, err := pqnoise.XWing.NewPrivateKey(seeds[:pqnoise.SeedSize])
	if err != nil {
		return nil, err
	}
	mlkem, err := pqnoise.MLKEM1024P384.NewPrivateKey(seeds[pqnoise.SeedSize : 2*pqnoise.SeedSize])
	if err != nil {
		return nil, err
	}
	signing, err := keys.SigningKeyFromSeed(seeds[2*pqnoise.SeedSize:])
	if err != nil {
		return nil, err
	}
	public := Public{XWing: xwing.Public(), MLKEM1024P384: mlkem.Public(), Signing: signing.Public().Bytes()}
	return &Private{public: public, xwing: xwing, mlkem: mlkem, signing: signing}, nil
}

// Public returns the public keys, which the caller must not change.
func (p *Private) Public() Public { return p.public }

// Key returns the encryption key of a mechanism.
func (p *Private) Key(kem pqnoise.KEM) *pqnoise.PrivateKey {
	if kem == pqnoise.MLKEM1024P384 {
		return p.mlkem
	}
	return p.xwing
}

// Signing returns the key that checkpoints are signed with.
func (p *Private) Signing() *keys.SigningKey { return p.signing }

// Format hides the keys.
func (Private) Format(s fmt.State, _ rune) { io.WriteString(s, "[secret]") }

// encodeFile returns a file of new seeds.
func encodeFile() []byte {
	b := make([]byte, seedsAt+seedsSize, fileSize)
	copy(b, magic)
	b[len(magic)] = version
	rand.Read(b[seedsAt:])
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// parseFile decodes a file; path is for the error alone.
func parseFile(path string, b []byte) (*Private, error) {
	if len(b) < seedsAt || string(b[:len(magic)]) != magic {
		return nil, fault.New(fault.Damaged, "%s is not a server's identity; restore it from a backup, or move it away to become a new server that no client knows", path)
	}
	if v := b[len(magic)]; v != version {
		return nil, fault.New(fault.Unsupported, "%s has version %d; this program knows version %d: upgrade it", path, v, version)
	}
	if len(b) != fileSize || sha256.Sum256(b[:fileSize-sha256.Size]) != [sha256.Size]byte(b[fileSize-sha256.Size:]) {
		return nil, fault.New(fault.Damaged, "%s is damaged; restore it from a backup, or move it away to become a new server that no client knows", path)
	}
	return fromSeeds(b[seedsAt : seedsAt+seedsSize])
}
