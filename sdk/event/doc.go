// Package event is the format of what a chain is made of: events, the batches
// they are committed in, and the records that carry a batch to disk and back.
//
// The client encodes an event once. Its bytes then travel to the server, to
// the storage plugin, onto the disk, and back to every reader as they are. All
// integers are little-endian.
//
// # Event
//
// An event is a header, which the server reads, and data, which it does not.
// The header is the protobuf message ate.event.v1.Header. Whoever receives a
// header keeps its exact bytes, so no canonical form is needed. An event is
// framed as
//
//	offset  size  field
//	     0     4  length of the header, H
//	     4     4  length of the data, D; bit 31 is set if the data is omitted
//	     8     H  header
//	   8+H     D  data; if omitted, its SHA-256 (32 bytes) in its place
//
// Data is omitted where a reader does not want it, and for good where it was
// erased.
//
// Bits 24 to 30 of either length are zero in this version; a reader refuses
// others, so that they can be given a meaning.
//
// # Batch
//
// A batch is the events of one commit: stored together or not at all, with
// consecutive sequence numbers.
//
//	offset  size  field
//	     0     8  sequence number of the first event
//	     8     8  time of the commit by the server's clock, Unix microseconds
//	    16    16  commit id, chosen at random by the client
//	    32     4  number of events, at least 1
//	    36     4  offset: how many events of the commit stood before the first
//	    40     4  length of the evidence, E
//	    44     E  evidence: what lets others check who wrote this; may be empty
//	  44+E        the events, framed, one after the other
//
// Compaction takes events out of a batch. What survives is then several
// batches, each of consecutive events, with the same time, commit id and
// evidence; their offsets tell where in the commit they stood. A whole batch
// has offset 0.
//
// The evidence is a seal, as package evidence describes it, in chains whose
// trust is distributed, and empty in others and with the genesis.
//
// # Record
//
// A record is a batch with its length and checksum. The server makes it when
// it commits; from then on everyone who reads it checks it.
//
//	offset  size  field
//	     0     4  length of the batch, B
//	     4     4  CRC-32C (Castagnoli) of the B bytes that follow
//	     8     B  batch
//
// # Identity
//
// The leaf hash of an event is
//
//	SHA-256(0x00 ‖ chain id ‖ u64 len(header) ‖ SHA-256(header) ‖ u64 len(data) ‖ SHA-256(data))
//
// The 0x00 marks a leaf as in RFC 6962, section 2.1. A chain's id is the leaf
// hash of its genesis event, computed with 32 zero bytes in the place of the
// chain id.
//
// ExampleBatch_AppendRecord shows a whole record, byte for byte.
package event
