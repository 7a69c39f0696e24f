// Package wire is the protocol between a client and the server, version 1.
//
// # Transport
//
// A connection serves one chain. It is a stream of bytes in each direction,
// carried in one of two ways that the server tells apart by the first bytes:
//
//   - WebSocket (RFC 6455). The request's path is /db/ and the chain's name, its
//     subprotocol "atedb.v1". The stream travels in binary messages; where one
//     ends and the next begins has no meaning.
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
//	ClientHello, Open  ──────────►
//	                   ◄──────────  ServerHello, Opened
//	Commit, Commit, …  ──────────►
//	                   ◄──────────  Committed or Rejected, one for each, in order
//	Subscribe          ──────────►
//	                   ◄──────────  Events, …, CaughtUp, Events, …
//	Credit             ──────────►
//
// The client need not wait for an answer before it sends its next message,
// from ClientHello on. Commits are answered in the order of their sending;
// Load and Lock carry an id and may be answered in any order. If something is
// wrong with the connection as a whole, the server says Bye with a code and
// closes it.
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
