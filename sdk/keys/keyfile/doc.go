// Package keyfile keeps identities on disk: one file each, in a folder of the
// user's own.
//
// # Folder
//
// The folder is $ATE_HOME/keys, where ATE_HOME is ate in the user's
// configuration folder (~/.config/ate) unless it is set. It is made with mode
// 0700, and holds
//
//	NAME.key         an identity, mode 0600; NAME as keys.CheckName allows
//	.NAME-*.tmp      one being made; safe to remove when nothing makes one
//
// A file that others can read or write, or in a folder that others can write,
// is refused. A file appears whole and durable, or not at all, and never takes
// the place of another.
//
// # File
//
// A file is text, of at most 64 KiB, with lines ended by LF:
//
//	ate-key-v1
//	signing: <id of the signing key>
//	reading: <id of the read key>
//	public: ate-identity-v1:<name>:<signing key>:<read key>
//	secret: plain
//	<the secret part in base64url without padding>
//
// or, with a passphrase, in the place of the last two lines
//
//	secret: age
//	-----BEGIN AGE ENCRYPTED FILE-----
//	<the secret part, encrypted as age-encryption.org/v1 with scrypt, armored>
//	-----END AGE ENCRYPTED FILE-----
//
// The secret part is the signing key's seed (64 bytes) and the read key's (32).
// What stands in clear needs no passphrase: ids are checked against keys when a
// file is parsed, and keys against the secret part when it is opened. The scrypt
// work factor is 2^17 (128 MiB of memory); up to 2^18 is accepted.
//
// The number after "-v" in the first line is the version; a reader refuses
// others, as not supported.
//
// ExampleParse shows a file.
package keyfile
