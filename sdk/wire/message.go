package wire

import (
	"net"

	"github.com/atedb/atedb/sdk/fault"
	"github.com/atedb/atedb/sdk/stream"
	"github.com/atedb/atedb/sdk/wire/wirepb"
)

// Version is the newest version of the protocol.
const Version = 1

// Subprotocol is the WebSocket subprotocol of this protocol.
const Subprotocol = "atedb.v1"

// Preface is what a raw TCP connection begins with.
const Preface = "ATEDB/1\n"

// Type is the kind of a message.
type Type = stream.Type

// Conn sends and receives messages.
type Conn = stream.Conn

// NewConn returns a Conn over nc that takes messages of up to MaxHello bytes,
// until its limit is raised.
func NewConn(nc net.Conn) *Conn { return stream.NewConn(nc, MaxHello) }

// The types of messages, by who sends them.
const (
	ClientHello = Type(wirepb.Type_TYPE_CLIENT_HELLO)
	Open        = Type(wirepb.Type_TYPE_OPEN)
	Subscribe   = Type(wirepb.Type_TYPE_SUBSCRIBE)
	Commit      = Type(wirepb.Type_TYPE_COMMIT)
	Load        = Type(wirepb.Type_TYPE_LOAD)
	Lock        = Type(wirepb.Type_TYPE_LOCK)
	Unlock      = Type(wirepb.Type_TYPE_UNLOCK)
	Credit      = Type(wirepb.Type_TYPE_CREDIT)
	Ping        = Type(wirepb.Type_TYPE_PING)

	Prove         = Type(wirepb.Type_TYPE_PROVE)
	Leaves        = Type(wirepb.Type_TYPE_LEAVES)
	GetProof      = Type(wirepb.Type_TYPE_GET_PROOF)
	GetCheckpoint = Type(wirepb.Type_TYPE_GET_CHECKPOINT)
	GetAuthority  = Type(wirepb.Type_TYPE_GET_AUTHORITY)
	Erase         = Type(wirepb.Type_TYPE_ERASE)

	ServerHello = Type(wirepb.Type_TYPE_SERVER_HELLO)
	Opened      = Type(wirepb.Type_TYPE_OPENED)
	Events      = Type(wirepb.Type_TYPE_EVENTS)
	CaughtUp    = Type(wirepb.Type_TYPE_CAUGHT_UP)
	Committed   = Type(wirepb.Type_TYPE_COMMITTED)
	Rejected    = Type(wirepb.Type_TYPE_REJECTED)
	Loaded      = Type(wirepb.Type_TYPE_LOADED)
	LockResult  = Type(wirepb.Type_TYPE_LOCK_RESULT)
	Notice      = Type(wirepb.Type_TYPE_NOTICE)
	Redirect    = Type(wirepb.Type_TYPE_REDIRECT)
	Bye         = Type(wirepb.Type_TYPE_BYE)
	Pong        = Type(wirepb.Type_TYPE_PONG)

	Proven      = Type(wirepb.Type_TYPE_PROVEN)
	LeafHashes  = Type(wirepb.Type_TYPE_LEAF_HASHES)
	Proof       = Type(wirepb.Type_TYPE_PROOF)
	Checkpoint  = Type(wirepb.Type_TYPE_CHECKPOINT)
	AuthorityOf = Type(wirepb.Type_TYPE_AUTHORITY_OF)
	Erased      = Type(wirepb.Type_TYPE_ERASED)
	Compacted   = Type(wirepb.Type_TYPE_COMPACTED)

	AuthRequest = Type(wirepb.Type_TYPE_AUTH_REQUEST)
	AuthReply   = Type(wirepb.Type_TYPE_AUTH_REPLY)
)

// AsFault returns what a Bye says as an error.
func AsFault(bye *wirepb.Bye) *fault.Error {
	return fault.New(fault.Code(bye.Code), "%s", bye.Reason)
}
