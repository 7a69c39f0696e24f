// Package keys is the keys that people hold: signing keys, which own things,
// and read keys, which open things. A signing key and a read key together,
// under a name, are an [Identity]; the package keyfile keeps it on disk.
//
// # Signing keys
//
// A signing key is ML-DSA-65 (FIPS 204) and Ed25519 (RFC 8032) together, as
// draft-ietf-lamps-pq-composite-sigs has it for id-MLDSA65-Ed25519-SHA512. A
// signature is good only if both halves are, so both algorithms must be broken
// to forge one. The message representative that both halves sign is
//
//	M' = "CompositeAlgorithmSignatures2025" ‖ "COMPSIG-MLDSA65-Ed25519-SHA512" ‖ u8 len(ctx) ‖ ctx ‖ SHA-512(message)
//
// where ctx is the [Purpose]. ML-DSA-65 signs M' hedged, with the second string
// as its own context; Ed25519 signs M' as it is.
//
//	secret seed, 64 bytes     ML-DSA seed ξ (32) ‖ Ed25519 seed (32)
//	public key, 1985 bytes    0x01 ‖ ML-DSA-65 public key (1952) ‖ Ed25519 public key (32)
//	signature, 3373 bytes     ML-DSA-65 signature (3309) ‖ Ed25519 signature (64)
//
// # Ed25519 alone
//
// A signing key may also be Ed25519 (RFC 8032) alone, which is NOT
// quantum-resistant: whoever has a large quantum computer forges its
// signatures. It is there for keys that people have already, such as those of
// SSH (package sshkey). Its signatures count for one purpose, ForProof, by which
// a connection shows the server whose it is; nothing that is stored and must hold
// later is signed with it. [ParsePublicKey], and with it everything but proofs,
// refuses it; [ParseAnyPublicKey] takes it. What it signs is
//
//	M' = "ate-ed25519-v1" ‖ u8 len(ctx) ‖ ctx ‖ SHA-512(message)
//
// which nothing else begins with that an SSH key signs: SSH's own login begins
// with a length of four bytes, and signatures of files with "SSHSIG".
//
//	secret seed, 32 bytes     Ed25519 seed
//	public key, 33 bytes      0x03 ‖ Ed25519 public key (32)
//	signature, 64 bytes       Ed25519 signature
//
// A public key of small order, with which anybody's signatures can be good, is
// refused.
//
// # Read keys
//
// A read key is X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 and X25519
// together, for use with HPKE (RFC 9180, KEM 0x647a).
//
//	secret seed, 32 bytes     X-Wing's seed
//	public key, 1217 bytes    0x02 ‖ X-Wing public key (1216)
//
// The first byte of a public key is its algorithm; others are reserved. A key's
// id is the SHA-256 of its encoding.
//
// # Text
//
// The id of a key in text is bech32m (BIP-350) with the prefix "atekey": 65
// characters, with a checksum that finds typing mistakes. Public keys are one
// line each, in base64url without padding:
//
//	ate-sign-v1:<signing key>
//	ate-read-v1:<read key>
//	ate-identity-v1:<name>:<signing key>:<read key>
//
// The number after "-v" is the version; a reader refuses others.
//
// ExamplePublicKey shows keys with seeds of zeros, and their ids.
// ExampleEd25519SigningKey shows one of Ed25519 alone, and what it signs.
package keys
