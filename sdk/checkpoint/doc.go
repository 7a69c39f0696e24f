// Package checkpoint is a chain's head under its server's signature. Whoever
// keeps one can show others what the server said of the chain: two checkpoints
// of one chain that do not fit together convict the server.
//
// # Format
//
// A checkpoint is a note as c2sp.org/signed-note describes it, with a text as
// c2sp.org/tlog-checkpoint does: lines that each end in a newline, of which the
// first three are
//
//	origin   atedb/chain/ and the chain's id, in hexadecimal
//	size     the number of events in decimal, without leading zeros
//	root     the root of the tree of that size, in base64
//
// Lines that follow are extensions; this version writes none, accepts any that
// are not empty, and hands them out. After the text come an empty line and the
// signature lines,
//
//	— name base64(key id ‖ signature)
//
// where the name is the server's, with a minus for each plus. The signature is
// that of [keys.SigningKey.Sign] for the purpose [keys.ForCheckpoint], over the
// text. The key id is the first four bytes of
//
//	SHA-256(name ‖ 0x0A ‖ 0xFF ‖ "ate-checkpoint-v1" ‖ encoded public key)
//
// Signatures of other keys, such as those of witnesses, are passed over. A note
// with a signature that claims to be of the server's key and is not a good one is
// refused, whatever else it has. A checkpoint has at most [MaxNote] bytes.
//
// # Example
//
// A head of size 3 of the chain 0101...01, signed by the key whose seed is 64
// bytes of 0x07, begins so; all of it is in testdata/example.note:
//
//	atedb/chain/0101010101010101010101010101010101010101010101010101010101010101
//	3
//	YTheZ7W6dthTGyCtwUvsnvbgVTq8xW2JnmQNTWdAFCk=
//
//	— db.example.com:5000 dxyoK...
package checkpoint
