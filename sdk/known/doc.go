// Package known is what a client remembers between one run and the next, so
// that a server cannot pass for another, nor deny what it said: which key each
// server has, how far each chain was seen, and what it said of users and groups.
//
// # Files
//
// A [Folder] holds
//
//	known_hosts    the servers
//	heads/CHAIN    the newest head seen of a chain; CHAIN is its id in hexadecimal
//	names/HASH     the id of the chain that a server has under a name; HASH is
//	               the SHA-256, in hexadecimal, of host:port, a line feed and the name
//	statements/HASH
//	               the newest statement that an authentication server has
//	               shown of a user or group; HASH as above
//	lock           empty; locked by whoever writes
//
// The folder is made with mode 0700, files with 0600; a file or folder that
// others may write is refused. A file is written anew beside its place, as package
// privatefile does: it is whole, old or new, after a crash too. Readers take no
// lock.
//
// # known_hosts
//
// One line a server, its fields parted by blanks, and in this order:
//
//	host:port          in small letters; an IPv6 address in brackets
//	fingerprint        of the server's identity
//	least encryption   that the server must use: 0, 128, 192 or 256
//	signing key        the text of its public signing key; may be missing
//
// for example
//
//	# the office
//	db.example.com:5000 SHA256:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE 128
//
// Empty lines, and those that begin with #, are comments and are kept. Any other
// line that is not of this form is an error, as is a server's second line: what
// cannot be read must not look like a server that is not known.
//
// # heads, names and statements
//
// A file of lines: what it is and its version, fields, and a sum, the first
// eight bytes of the SHA-256 of all lines before it. For example
//
//	ate head 1
//	chain 0101010101010101010101010101010101010101010101010101010101010101
//	name example.com/joe/mydb
//	host db.example.com:5000
//	head 3:61385e67b5ba76d8531b20adc14bec9ef6e0553abcc56d899e640d4d67401429
//	sum 68f7ba1f96cab1cf
//
// and
//
//	ate name 1
//	host db.example.com:5000
//	name example.com/joe/mydb
//	chain 0101010101010101010101010101010101010101010101010101010101010101
//	sum 84b4b2d08f4e6fec
//
// and, where signed is an encoded Signed of package account, in base64,
//
//	ate statement 1
//	host auth.example.com:5001
//	name joe@example.com
//	number 2
//	signed AQIDBA==
//	sum 72d37b5057ed8ea4
//
// Another version is an error of its own.
package known
