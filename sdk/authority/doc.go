// Package authority decides who may write what in one chain. The server judges
// commits with it, and clients that trust no server judge again.
//
// # Rules
//
// An event is judged by what is in force before it: by its position in the log,
// never by clocks, and within a commit in order. What is in force for an
// object is its own authority or, where that is Inherit, what is in force for
// its parent. At the top that is the root authority to write, and everyone to
// read. The authority above an object is what is in force for its parent.
// A writer is the keys that it has shown to own, which may be none.
//
//	 #  event                     needs to write                  or else
//	 1  of a new object           what is in force for the        not_authorized
//	                              parent that it names, or top
//	 2  new value of an object    what is in force for it         not_authorized
//	 3  attaches write or read    the authority above             not_authorized
//	    authority to an object
//	 4  tombstone                 what is in force for the        not_authorized
//	                              object, or the authority above
//	 5  names another parent      what is in force for the        not_authorized
//	                              object, the authority above,
//	                              and what is in force for the
//	                              new parent: all three
//	 6  of the root object        the root authority              not_authorized
//	 7  of another reserved key   cannot be                       bad_request
//
//	 #  what else holds                                           or else
//	 8  Everyone is anyone, also without a key; Nobody is no      not_authorized
//	    key; AnyOf is the owner of any one of its keys
//	 9  a parent has a value                                      no_parent
//	10  no object stands under itself, however far up             parent_cycle
//	11  an object is made or moved at most 64 deep                too_large
//	12  only what has no children is ended                        has_children
//	13  a tombstone has no data and no parent                     bad_request
//	14  where a data key is in force after the event, data is     not_encrypted
//	    encrypted with exactly that key and generation; where
//	    none is, data may be encrypted or not
//	15  while a data key stays in force, its generation does      bad_request
//	    not go back: not by attaching, moving or inheriting
//	16  events introduce at most 100,000 public keys in a chain   too_large
//	17  a root event has write authority AnyOf or Everyone, and   bad_request
//	    no data, parent, tombstone or read authority
//	18  a root authority of everyone stays                        not_authorized
//	19  nothing stands under a reserved key                       bad_request
//
// # What follows from them
//
// Rule 3 rotates keys: the authority above gives an object new keys, so losing
// one is not the end. It needs no authority over the object itself, and may
// bring a value at once, which it could in two events anyway. An event cannot
// authorise itself: what it attaches is in force after it.
//
// Rule 5: moving an object changes the authority above it, so the one from
// before must agree. Naming the parent that the object has is not a move. A
// collection names a place under a parent and has no authority of its own.
//
// Rule 11 counts the depth of the object that is moved, not of what stands
// under it. What comes to stand deeper than 64 is refused as too_large where
// its authority would have to be looked for further up, until an object above
// it is moved back. So no event costs more than a few walks of 64 steps.
//
// Rule 18: where everyone may write, everyone would have the root authority,
// and the first stranger could shut out all others for good.
//
// A tombstone of a key that has no value does nothing; it needs the root
// authority. After a tombstone, the next event with the key makes a new object
// by rule 1: nothing of the old one is in force, not even its generation. All
// keys of a chain are one namespace, so whoever may make any object may take a
// key that has no value. Use random keys where that matters.
//
// Introduced public keys are known from the event on that introduces them,
// itself included, whatever that event is. [Tree.PublicKey] gives them.
//
// # What lives
//
// The server says now and then, before each compaction, which objects have a
// value and which event of each is the newest, so that whoever reads the whole
// chain later finds out if a value that lives was left out, or an old one put
// back. It does so with two events of its own, which no client can write: one of
// the object "\x00atedb/live-begin", which means "as of now", and later one of the
// object "\x00atedb/live", whose labels are
//
//	begin    seq of the event that meant "as of now", in decimal
//	objects  number of objects that had a value before it, but for the server's own
//	root     root of an RFC 6962 tree, in hexadecimal
//
// The tree has a leaf for each of the objects, in ascending order of their ids,
// which are the first 16 bytes of the SHA-256 of their keys:
//
//	SHA-256(0x00 ‖ "AteDB live v1" ‖ id (16) ‖ seq of its newest event (8, little-endian))
//
// Since what is dropped was all there before the server said so last, no event
// after that may be missing: a server that keeps back what it said last is found
// out.
//
// These events have no seal, in distributed trust either: they give nobody any
// authority, and are only compared. ExampleLiveObjects_Live shows one.
//
// # Snapshot
//
// A snapshot is the settled state, so that a chain opens without reading every
// header. Integers are little-endian. An object's id is the first 16 bytes of
// the SHA-256 of its key.
//
//	size  field
//	   8  "ATEauth" and a newline
//	   4  version of this format, 1
//	  32  the nonce in the chain's genesis
//	   8  seq after the last event
//	   W  root authority, as a write authority
//	   8  number of objects that have a value, with the server's own; then for each
//	          16  id
//	           8  seq of its newest event
//	   8  number of objects with a parent or an authority; then for each
//	          16  id
//	          16  id of its parent, zero for the top
//	           W  write authority: 1 byte kind; AnyOf also 4 bytes number, 32 for each key id
//	           R  read authority: 1 byte kind; ByKey also 32 bytes key id, 4 generation
//	   8  number of introduced public keys; then for each
//	           2  its length
//	           L  its encoding
//	   4  CRC-32C of all of the above
//
// The kinds are the numbers of [event.WriteKind] and [event.ReadKind]. A format
// with other content gets another version. ExampleTree_AppendSnapshot shows a
// whole snapshot, byte for byte.
package authority
