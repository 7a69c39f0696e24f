// Package secrecy encrypts the data of events from end to end: the server
// stores it, orders it and cannot read it.
//
// Data is encrypted with a data key. An object's read authority names the data
// key in force for it and what stands under it. A key record, the data of an
// ordinary event, gives a data key to its members by encrypting it to their
// read keys. Integers are little-endian, ‖ joins bytes, and a label is its
// ASCII characters followed by a zero byte.
//
// # Data key
//
// A data key is 32 random bytes and a generation, from 1. When a member is
// removed, the authority gets a new data key of the next generation; when one
// is added, the key's record is written again with it. The id is
//
//	SHA-256("ate data key id v1" 00 ‖ u32 generation ‖ the 32 bytes)
//
// It stands in headers for all to read. That gives nothing away: 32 random
// bytes cannot be found by trying, and nothing else is hashed with this label.
// Since no two keys have one id, a ciphertext that names its key opens in one
// way only, which AES-GCM by itself does not promise; and who was given a key
// can check that it is the one that was named, of the generation that was said.
//
// # Data
//
// Data is encrypted with XAES-256-GCM (https://c2sp.org/XAES-256-GCM): the data
// key's 32 bytes, a random nonce of 24 bytes that the event's header carries
// together with the id and generation, and as associated data
//
//	"ate event data v1" 00 ‖ chain id (32) ‖ data key id (32) ‖ u32 generation ‖ object key
//
// The event's data is the ciphertext and its tag of 16 bytes.
//
// # Key record
//
// The record of a data key is the data of the event that writes the object
// [RecordKey], of type [RecordType]. It is not encrypted itself. The object
// stands under the one whose read authority names the data key, so that the
// same people may write both. A record is
//
//	offset  size  field
//	     0     1  version, 1
//	     1     1  length of the authority's object key, A, 1 to 128
//	     2     2  number of members, 1 to 10,000
//	     4     4  generation of the data key, at least 1
//	     8    32  id of the data key
//	    40     A  key of the object whose read authority names the data key
//	  40+A        the members, 1,200 bytes each, in order of id, no id twice
//
// and a member
//
//	   0    32  id of the member's read key
//	  32  1120  HPKE encapsulated key
//	1152    48  HPKE ciphertext of the data key's 32 bytes
//
// HPKE (RFC 9180, base mode) has KEM 0x647a (MLKEM768-X25519, which is X-Wing),
// KDF 0x0001 (HKDF-SHA256) and AEAD 0x0002 (AES-256-GCM), no associated data, and as
// info
//
//	"ate data key wrap v1" 00 ‖ chain id (32) ‖ data key id (32) ‖ u32 generation ‖ the authority's object key
//
// A reader refuses a record of another version. A reader that opened its wrap
// computes the id from what it got, and refuses a record that names another.
// ExampleParseRecord and ExampleDataKey_Open show both formats byte for byte.
//
// # What it promises, and what not
//
// Without a data key nobody reads data, or changes it, or moves it to another
// object, chain or key, unnoticed. Who serves an old record in place of a new
// one, or a false one, gives nobody a key under another key's id.
//
// Everything else about an event is in its header, in clear: key, type, labels,
// the length of the data and when it came. Records show which read keys are
// members. Whether an event is the newest of its object, and its header the one
// that was written, is for the chain's seals and heads to show. So is who wrote
// a record: HPKE's base mode names no sender, and every member can forge what
// the others read. Therefore take a data key to encrypt with only from the read
// authority in force, and in chains of centralized trust know that the server
// is trusted with who that is.
//
// A removed member keeps what it could read before: old data is not encrypted
// again. Whoever gets hold of a member's read key reads all that was ever given
// to it.
package secrecy
