// Package account is users: what they say of themselves, how their keys are kept
// by a server that cannot open them, and how they log in.
//
// A user has a [Name], name@domain, and keys as package keys has them. All
// messages are those of accountpb in canonical form: fields in the order of
// their numbers, each once, defaults left out, and no others. Integers outside
// of them are little-endian, ‖ joins bytes, and a label is its ASCII characters
// followed by a zero byte.
//
// # Signed statements
//
// A statement is an encoded Advert, or a GroupStatement of package group, or a
// Delegation of package token. It is signed as it is, for keys.ForAdvert,
// keys.ForGroup or keys.ForDelegation, so that none passes for another. Its hash
// is its SHA-256. A Signed has at most 2 signatures, of different keys, each with
// the id of its key.
//
// # Adverts
//
// An advert says which two keys are a user's. The first has number 0, names no
// advert before it, and is signed by its own signing key. Each next one has the
// next number and the hash of the one before, and is signed by the signing key
// of the one before and by its own, which may be the same. So who knows one
// advert of a user can check all that follow, one by one; about the first, the
// server's word is all there is.
//
// # Vault
//
// A vault is a user's keys, sealed so that only his passphrase or his recovery
// code opens them. A random vault key of 32 bytes seals the keychain, and each
// lock seals the vault key with a wrap key:
//
//	keychain    sealed with the vault key; a Keychain of 1 to 256 keys, the newest last
//	            associated data: "ate vault keychain v1" 00 ‖ name
//	lock        sealed with its wrap key; the vault key
//	            associated data: "ate vault lock v1" 00 ‖ kind ‖ u32 passes ‖ u32 memory ‖ u32 threads
//	                             ‖ salt (16) ‖ id of the login key (32) ‖ name
//	totp        sealed with the TOTP key; the secret of the time-based codes
//	            associated data: "ate totp secret v1" 00 ‖ name
//
// To seal is XChaCha20-Poly1305 with a random nonce:
//
//	1 ‖ nonce (24) ‖ ciphertext and tag
//
// # Locks
//
// A lock opens to a passphrase (kind 1: UTF-8 in normal form C, 1 to 1024 bytes)
// or a recovery code (kind 2: its 20 bytes). argon2id (RFC 9106, version 0x13)
// stretches it to 32 bytes with the lock's salt and cost, and HKDF-SHA256 (RFC
// 5869, without salt) makes keys of these, with the info
//
//	"ate passphrase login key v1"       64 bytes, the seed of the login key
//	"ate passphrase wrap key v1"        32 bytes
//	"ate passphrase totp key v1"        32 bytes
//	"ate recovery code login key v1"    64 bytes, the seed of the login key
//	"ate recovery code wrap key v1"     32 bytes
//
// Whoever stretches refuses fewer than 2 passes, 19 MiB or 1 thread, and more
// than 16 passes, 1 GiB or 16 threads, whatever the server asks for. New locks
// have 3 passes, 64 MiB and 1 thread. Who opens a lock first checks that its
// login key is the one that the secret gives.
//
// A new passphrase makes a new vault key and new locks. What the server kept of
// the old vault still opens to the old passphrase, so who fears that it leaked
// takes new keys too.
//
// # Recovery code
//
// A recovery code is 20 random bytes in Crockford's base32, in small letters,
// followed by 4 characters of checksum: the first 20 bits of
//
//	SHA-256("ate recovery code v1" 00 ‖ the 20 bytes)
//
// in groups of 4 characters, joined by dashes. A reader takes capitals, leaves out
// dashes and spaces, and reads o as 0, and i and l as 1.
//
// # Login
//
// The lock's login key signs, for keys.ForLogin,
//
//	offset  size  field
//	     0     1  1, a login
//	     1    32  the connection's binding, as package wire says
//	    33    32  the server's fingerprint
//	    65     1  kind of the lock
//	    66     2  length of the name, N
//	    68     N  name
//
// which is good for this connection to this server alone. Other messages for
// keys.ForLogin begin with another byte.
//
// The examples of [Vault] and [FirstAdvert] show whole ones.
package account
