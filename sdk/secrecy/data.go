package secrecy

import (
	"encoding/binary"
	"slices"

	"github.com/atedb/atedb/sdk/event"
	"github.com/atedb/atedb/sdk/fault"
)

// dataLabel begins the associated data of every event's data.
const dataLabel = "ate event data v1\x00"

// Seal encrypts the data of an event of an object in a chain, with a random
// nonce. The result is the event's data and what its header must say about it.
// A plaintext of over MaxPlaintext bytes is a fault with code too_large. Seal
// keeps and changes none of its arguments.
func (k *DataKey) Seal(chain event.ChainID, objectKey, plaintext []byte) ([]byte, event.Encryption, error) {
	if len(plaintext) > MaxPlaintext {
		return nil, event.Encryption{}, fault.New(fault.TooLarge, "an event's data is %d bytes long; at most %d can be encrypted", len(plaintext), MaxPlaintext)
	}
	sealed, err := k.aead.Encrypt(plaintext, k.associatedData(chain, objectKey))
	if err != nil {
		return nil, event.Encryption{}, fault.New(fault.Internal, "encrypting an event's data: %w", err)
	}
	nonce, ciphertext := sealed[:event.NonceSize], sealed[event.NonceSize:]
	return ciphertext, event.Encryption{Key: k.id, Generation: k.generation, Nonce: [event.NonceSize]byte(nonce)}, nil
}

// Open decrypts what Seal encrypted for the same object of the same chain. Data
// that another key encrypts is a fault with code no_read_key. Anything else
// that was not made by Seal from the same arguments with this key is a fault
// with code damaged. Open keeps and changes none of its arguments.
func (k *DataKey) Open(chain event.ChainID, objectKey []byte, e event.Encryption, ciphertext []byte) ([]byte, error) {
	if e.Key != k.id {
		return nil, fault.New(fault.NoReadKey, "the data of object %q needs data key %s, not %s", objectKey, e.Key, k.id)
	}
	if e.Generation != k.generation {
		return nil, fault.New(fault.Damaged, "the data of object %q says that data key %s is of generation %d; it is of %d", objectKey, k.id, e.Generation, k.generation)
	}
	plaintext, err := k.aead.Decrypt(slices.Concat(e.Nonce[:], ciphertext), k.associatedData(chain, objectKey))
	if err != nil {
		return nil, fault.New(fault.Damaged, "the encrypted data of object %q was changed, or moved here from elsewhere: do not use it, and verify the chain", objectKey)
	}
	return plaintext, nil
}

// associatedData is unambiguous because only its last field varies in length.
func (k *DataKey) associatedData(chain event.ChainID, objectKey []byte) []byte {
	b := make([]byte, 0, len(dataLabel)+len(chain)+len(k.id)+4+len(objectKey))
	b = append(b, dataLabel...)
	b = append(b, chain[:]...)
	b = append(b, k.id[:]...)
	b = binary.LittleEndian.AppendUint32(b, k.generation)
	return append(b, objectKey...)
}
