// Package sshkey makes signing keys of the Ed25519 keys that people have for SSH.
//
// Such a key is Ed25519 alone and therefore NOT quantum-resistant: see package
// keys. It proves to a server whose a connection is, in centralized trust, and
// does nothing else. SSH keys of all other kinds are refused.
//
// # Public keys
//
// A line of an authorized_keys file, or of the lists that forges serve at
// /NAME.keys:
//
//	ssh-ed25519 <base64> [comment]
//
// with the encoding of RFC 8709, section 4. Options before it are refused: they
// limit what the key may do, in ways that mean nothing here.
//
// # Private keys
//
// A file that ssh-keygen writes ("OPENSSH PRIVATE KEY"), of at most 64 KiB, with a
// passphrase or without. As with ssh, a file that others than its owner may read
// is refused.
package sshkey
