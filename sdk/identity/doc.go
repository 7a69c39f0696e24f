// Package identity is who a server is: two keys that connections are encrypted
// to, one for each mechanism of package pqnoise, and the key that it signs
// checkpoints with. A server has one identity, kept in its state folder; its
// clients know it by its fingerprint.
//
// # Fingerprint
//
// The fingerprint stands for all three keys, and one of them with the hashes of
// the others is enough to check it:
//
//	SHA-256("AteDB server identity v1" ‖ 0x00 ‖ SHA-256(X-Wing key)
//	        ‖ SHA-256(MLKEM1024P384 key) ‖ SHA-256(signing key))
//
// It is written SHA256: and 43 characters of base64 without padding.
//
// # Public identity
//
//	offset  size  field
//	     0     1  version, 1
//	     1  1216  X-Wing public key
//	  1217  1665  MLKEM1024P384 public key
//	  2882     N  signing public key, as package keys encodes it; N is 1 to 4096
//
// # Disclosure
//
// What a server says of itself in an encryption handshake, which has shown one
// of the keys already:
//
//	offset  size  field
//	     0     1  version, 1
//	     1    32  SHA-256 of the other encryption key
//	    33     N  signing public key, as above
//
// # File
//
// The private identity is the file server.identity, of mode 0600:
//
//	offset  size  field
//	     0     8  "ateident"
//	     8     1  version, 1
//	     9    32  seed of the X-Wing key
//	    41    32  seed of the MLKEM1024P384 key
//	    73    64  seed of the signing key
//	   137    32  SHA-256 of all that is before
//
// The file is put in place whole, and never written again. A reader refuses
// other versions: there are none yet, and each would have its own.
package identity
