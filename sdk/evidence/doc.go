// Package evidence is what shows that a writer owns a key: a proof, once for
// each key of a connection, where trust is centralized; a seal, in every batch,
// where it is distributed.
//
// A proof convinces the server that it is speaking with the key's owner, and
// nobody else. A seal is stored with its batch and convinces every reader, of
// each of its events, whether or not the server is honest. Neither says that
// the owner may write something: the chain's authorities do.
//
// A key of Ed25519 alone, which is not quantum-resistant, makes proofs: they
// need to hold only now. Seals need to hold for as long as the chain is read,
// and such a key has none.
//
// Integers are little-endian. Signatures are those of package keys, which binds
// each to its purpose: a proof cannot be passed off as a seal. Both formats
// begin with a version, which is signed with the rest; a reader refuses one
// that it does not know, and bytes after the end.
//
// # Proof
//
//	offset  size  field
//	     0     1  version, 1
//	     1  3373  signature, for the purpose keys.ForProof; of 64 bytes if the
//	              key is of Ed25519 alone, which is not quantum-resistant
//
// The signature is over these 97 bytes:
//
//	offset  size  field
//	     0     1  version, 1
//	     1    32  binding
//	    33    32  chain id
//	    65    32  id of the signing key
//
// The binding is a hash of what tells this connection to this server from every
// other; package wire makes it. A client computes it by itself and signs no
// bytes that a server chose, so a server cannot use a proof made for it anywhere
// else.
//
// # Seal
//
//	offset  size  field
//	     0     1  version, 1
//	     1    32  id of the signing key
//	    33    16  writer: random, one instance of a client
//	    49     8  number: rises with each batch of a writer
//	    57     8  size of the head that the signer builds on, at least 1
//	    65    32  root of that head
//	    97     4  number of events in the batch, 1 to event.MaxBatchEvents
//	   101    32  root of the RFC 6962 tree over the events' leaf hashes
//	   133  3373  signature, for the purpose keys.ForSeal
//
// The signature is over the 32 bytes of the chain id, followed by the first 133
// bytes of the seal. What each field is against:
//
//   - The chain id and the leaves: an event that was forged, altered, left out,
//     added or put in another order, or brought from another chain.
//   - The writer and the number: a batch that is brought again. Whoever admits
//     batches refuses a number that is not above the writer's last; see [Writers].
//   - The head: a state of the chain that the signer had seen. Its history cannot
//     be rewritten without dropping the batch, and the batch cannot stand before
//     it. Whoever knows the chain's tree compares the root at that size.
//
// A seal does not say where in the chain its batch stands, which the signer
// cannot know, and says nothing about batches that the server keeps to itself;
// heads tell those.
//
// # One event
//
// Compaction takes events out of a batch. What is left keeps the seal, and how
// many events of the commit stood before it ([event.Batch].Offset). An event is
// then checked alone, by its audit path to the seal's root: see
// [Seal.VerifyEvent]. Nothing is stored for that beside the seal. The path is
// made of the leaf hashes of the commit's events, which compaction keeps, those
// of dropped events included: the event at seq s and offset o was committed with
// the count events from seq s-o on, and [merkle.ProveIn] gives the path.
//
// # Example
//
// The example of [SignSeal] shows a seal, byte for byte. A seal and a proof
// with their signatures are in testdata, as hexadecimal, with all that they were
// made from in golden_test.go: another implementation must accept both.
package evidence
