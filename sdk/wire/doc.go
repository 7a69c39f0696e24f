// Package wire is the protocol between a client and the server, version 1.
//
// # Transport
//
// A connection serves one chain. It is a stream of bytes in each direction,
// carried in one of two ways that the server tells apart by the first bytes:
//
//   - WebSocket (RFC 6455), in TLS for wss://. The request's path is /db/ and the
//     chain's name, or /db/ alone if the client offers encryption, which is to
//     hide the name; its subprotocol is "atedb.v1". The stream travels in binary
//     messages; where one ends and the next begins has no meaning.
//   - Raw TCP. The client first sends the eight bytes "ATEDB/1\n".
//
// # Messages
//
// The stream is a sequence of messages:
//
//	offset  size  field
//	     0     4  length N of what follows, little-endian, at least 1
//	     4     1  type, as numbered in ate.wire.v1.Type
//	     5   N-1  the protobuf message of that type
//
// # Order
//
//	client                          server
//	ClientHello        ──────────►
//	                   ◄──────────  ServerHello
//	[the handshake's third message]
//	Open               ──────────►
//	                   ◄──────────  Opened
//	Prove              ──────────►
//	                   ◄──────────  Proven
//	Commit, Commit, …  ──────────►
//	                   ◄──────────  Committed or Rejected, one for each, in order
//	Subscribe          ──────────►
//	                   ◄──────────  [Compacted,] Events, …, CaughtUp, Events, …
//	Credit             ──────────►
//
// From Open on, which may follow the third message at once, the client need not
// wait for an answer before it sends its next message. Commits are answered in
// the order of their sending, and so are Proves; what carries an id, which is
// Load, Lock, Leaves, GetProof, GetCheckpoint, GetAuthority and Erase, may be
// answered in any order. A commit counts as written by the owner of every key whose Prove
// came before it and was good. If something is wrong with the connection as a whole, the server
// says Bye with a code and closes it.
//
// # Erasure
//
// Whoever may end an object may say in its tombstone (erase) that the data of its
// earlier events may go. Erase then asks for that, on any connection: the
// tombstone, which the chain's rules let stand, is the permission. Erased comes
// when no file of the server holds the data any more. The events' headers stay,
// and the data's hash, so what was signed and proven before is so afterwards;
// readers get those events with their data omitted.
//
// # Encryption
//
// ClientHello says the least level that the client accepts (encryption: 0, 128,
// 192 or 256) and, if it encrypts at all, offers a fresh public key (key_share)
// of X-Wing (offer 128, good for 128 and 192) or MLKEM1024P384 (offer 256). The
// level of the connection is the server's, or the client's least if that is
// higher. ServerHello says which:
//
//   - 0: everything is in clear text; identity says who the server claims to be.
//   - A level that the offer is good for: handshake is the second message of
//     package pqnoise's handshake, of which key_share was the first.
//   - Another level, and handshake is empty. Then the client says ClientHello
//     again, with the same nonce and least level and a fitting offer, and the
//     server answers as before, with the same nonce and level.
//
// A server that demands encryption of a client without an offer says Bye, as
// does one that cannot encrypt; a client ends the connection if the level is
// below its least.
//
// With encryption, handshake is the last field of ServerHello: its tag 0x2a, its
// length as the shortest varint, and its bytes end the message. The handshake's
// prologue is
//
//	"AteDB greeting v1" ‖ 0x00
//	‖ ClientHello, ServerHello, ClientHello: each hello before the last, whole,
//	  beginning with its length; one or three of them
//	‖ the last ServerHello from its type on, up to its handshake field
//
// so that whoever changes anything in a hello, such as a level, ends the
// connection. The payload of the second message is the server's disclosure, as
// package identity says, which with the public key in that message gives the
// server's fingerprint: the client decides here whether it wants that server,
// having sent it nothing but its hello. The third message follows as it is,
// without a header, and after it come frames alone, which carry the messages.
// The first frame from the server proves that it holds its private key.
//
// # Binding
//
// What a client signs for one connection, such as the proof of owning a key,
// names the connection by its binding:
//
//	encrypted    SHA-256("AteDB binding encrypted v1" ‖ 0x00 ‖ handshake hash (64)
//	             ‖ server's fingerprint)
//	clear text   SHA-256("AteDB binding clear v1" ‖ 0x00 ‖ ClientHello's nonce
//	             ‖ ServerHello's nonce ‖ server's fingerprint, or 32 zeros if it
//	             showed no identity)
//
// Without encryption it keeps a proof from being used on another connection, but
// whoever can change what is sent can use this one.
//
// # Flow control
//
// The client may have max_commits commits with max_commit_bytes of frames
// unanswered; the server reads no further beyond that. The server sends Events
// while the credit that the client has given is above zero, and takes their
// records off it, which may leave it below. A client that is slow to consume
// events thus still gets its commits answered.
//
// # Exactly once
//
// A client that lost its connection sends unanswered commits again with the
// same id and with resent_from set to what it knew of the chain's size when it
// first sent them. The server answers one that it already has as it did, or
// would have done, the first time.
package wire
