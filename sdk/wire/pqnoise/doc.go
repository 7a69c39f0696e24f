// Package pqnoise encrypts a connection between a client and a server that
// proves who it is: the handshake pqNX of Post-Quantum Noise (Angel et al.,
// "Post Quantum Noise", CCS 2022) and the frames after it. This comment is the
// whole specification; testdata/vectors.json has a conversation of each level.
//
// Numbers in headers are little-endian. ‖ joins bytes. SHA-512 and HKDF (RFC
// 5869) are the only hash and key derivation; HKDF below is always HKDF-SHA-512
// with an empty salt, and its info is the ASCII text given.
//
// # Levels
//
//	level  mechanism (KEM)  frames         protocol name
//	  128  XWing            AES-128-GCM    Noise_pqNX_XWing_AESGCM_SHA512/AES128
//	  192  XWing            AES-192-GCM    Noise_pqNX_XWing_AESGCM_SHA512/AES192
//	  256  MLKEM1024P384    AES-256-GCM    Noise_pqNX_MLKEM1024P384_AESGCM_SHA512/AES256
//
// The handshake itself always uses AES-256-GCM. It hashes with SHA-512 at every
// level because level 256 should not rest on a transcript for which a collision
// takes 2^128 steps; one hash for all keeps one code path, for microseconds.
//
// # Mechanisms
//
// XWing is X-Wing (draft-connolly-cfrg-xwing-kem-05 and later): its seed of 32
// bytes, public key, ciphertext and shared secret of 32 bytes are that
// document's.
//
// MLKEM1024P384 is HPKE (RFC 9180) in base mode with the KEM MLKEM1024-P384
// (0x0051, draft-ietf-hpke-pq), the KDF HKDF-SHA512 (0x0003), the AEAD
// export-only (0xffff) and empty info. The seed of 32 bytes is HPKE's private
// key, the ciphertext is HPKE's enc, and the shared secret is
// Export("AteDB pqNX", 32).
//
//	               seed  public key (ML-KEM ‖ curve)  ciphertext (the same)
//	XWing            32  1216 = 1184 ‖ 32             1120 = 1088 ‖ 32
//	MLKEM1024P384    32  1665 = 1568 ‖ 97             1665 = 1568 ‖ 97
//
// Beside what those documents refuse, a public key or a ciphertext is refused
// when its ML-KEM part is all zero, or its X25519 part is a point of low order:
// with the highest bit cleared, one of the u-coordinates 0, 1, p-1, p, p+1
// (p = 2^255-19), or the bytes
//
//	e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800
//	5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157
//
// # Handshake
//
//	-> e
//	<- ekem, s
//	-> skem
//
// The client (initiator) sends a fresh public key e; the server (responder)
// encapsulates to it and sends its own public key s; the client encapsulates to
// that. Both keep the SymmetricState of the Noise specification, revision 34,
// section 5.2, with HASHLEN 64:
//
//	start        h = ck = the protocol name, padded with zeros to 64 bytes; k is
//	             empty; MixHash(prologue)
//	MixHash(x)   h = SHA-512(h ‖ x)
//	MixKey(x)    ck, t = the halves of 128 bytes of HKDF with salt ck, input x
//	             and no info; k = the first 32 bytes of t; n = 0
//	MixKeyAndHash(x)
//	             ck, u, t = the thirds of 192 such bytes; MixHash(u); k = the
//	             first 32 bytes of t; n = 0
//	EncryptAndHash(x)
//	             c = AES-256-GCM with key k, nonce 4 zero bytes ‖ n as 8 bytes
//	             big-endian, associated data h; MixHash(c); n = n+1; c is sent.
//	             While k is empty, c = x
//	Split        two secrets of 32 bytes: the first 32 of each half of 128 bytes
//	             of HKDF with salt ck, empty input and no info
//
// The prologue is bytes that both sides know and that are to be the same: the
// greeting in clear text, as package wire describes. The messages are
//
//	1  e          as is                               MixHash, then MixHash("")
//	2  ekem       ciphertext to e                     MixHash, MixKey(secret)
//	   s          public key + 16                     EncryptAndHash
//	   payload    caller's bytes + 16                 EncryptAndHash
//	3  skem       ciphertext to s + 16                EncryptAndHash, MixKeyAndHash(secret)
//	   payload    16 (of no bytes)                    EncryptAndHash
//
// and have these lengths, P being the payload's; a message is 8192 bytes at the
// most.
//
//	               1     2        3
//	XWing          1216  2368+P   1152
//	MLKEM1024P384  1665  3362+P   1697
//
// After message 3 the handshake hash is h. The first secret of Split is for the
// client's frames, the second for the server's. Message 3 shows the server that
// the client took part in all of it. The server is proven by the first frame
// that it sends: only the owner of s can make one, or read one of the client's.
// Every failure looks alike.
//
// # Keys of frames
//
// Each direction has its own. Secret 0 is Split's; key i comes from secret i by
// HKDF with the info "AteDB frames 128" (or 192, 256), which yields
//
//	size       what
//	level / 8  the AES key
//	12         iv
//	32         secret i+1
//
// # Frames
//
//	offset  size  field
//	     0     3  N, the length of the plaintext
//	     3     1  type
//	     4     N  ciphertext
//	   4+N    16  tag
//
// The nonce is iv with its last 8 bytes xored with the number of frames already
// sent under the key, big-endian. The associated data is the 4 bytes of header.
//
//	type  N         meaning
//	   0  1-65536   data
//	   1  0         the next frame is under the next key; never a key's first
//	   2  0         close: the last frame of this direction
//
// Anything else ends the connection, as does a frame that does not open: then
// nothing of it or after it is given to the reader. A stream that ends without
// a close frame was cut off.
//
// A sender changes its key before it has sent 2^24 frames (types 1 and 2
// included), 64 GiB of plaintext, or, when it has something to send, for an
// hour. A receiver refuses a frame beyond 2^24 or 64 GiB.
package pqnoise
